/** skiff login: credentials for a registry, checked by the daemon and kept in config.json. */

import { write } from '../../client/write.ts'
import type { Context } from '../command.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { readLine } from '../output/confirm.ts'
import { bool, string } from '../parse/flag.ts'
import { DOCKER_HUB, loadCredentials, saveCredentials } from '../registry/credentials.ts'
import { readSecret } from '../terminal/secret.ts'

const FLAGS = {
  password: string('Password or access token', { short: 'p' }),
  'password-stdin': bool('Read the password from stdin'),
  username: string('User name', { short: 'u' }),
}
type LoginContext = Context<typeof FLAGS>

export const login = command({
  usage: '[OPTIONS] [SERVER]',
  description: 'Log in to a registry; without a server, to Docker Hub.',
  arity: [0, 1],
  flags: FLAGS,
  async run(context) {
    const { session, engine, args, configFolder } = context
    const server = (args[0] ?? '').replace(/^https?:\/\//, '').replace(/\/$/, '') || DOCKER_HUB
    const serveraddress = /^(docker\.io|index\.docker\.io|registry-1\.docker\.io)$/.test(server) ? DOCKER_HUB : server
    const { username, password } = await askCredentials(context, serveraddress)
    const answer = await engine.post<{ Status: string; IdentityToken?: string }>(
      '/auth',
      {},
      { username, password, serveraddress },
    )
    const identitytoken = answer.IdentityToken || undefined
    const plain = await saveCredentials(configFolder, session.env, { username, password, serveraddress, identitytoken })
    if (plain) {
      const warning = `\nWARNING! Your credentials are stored unencrypted in '${configFolder}/config.json'.\nConfigure a credential helper (credsStore) to keep them elsewhere.\n\n`
      await write(session.stderr, warning)
    }
    await write(session.stdout, `${answer.Status}\n`)
  },
})

async function askCredentials(context: LoginContext, server: string): Promise<{ username: string; password: string }> {
  const { session, options, given } = context
  if (given.has('password')) {
    await write(session.stderr, 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
    if (options['password-stdin']) throw new CommandError('--password and --password-stdin are mutually exclusive')
  }
  if (options['password-stdin']) {
    if (!options.username) throw new CommandError('the --password-stdin option requires --username to be set')
    return { username: options.username, password: await readLine(session) }
  }
  if (options.username && options.password) return { username: options.username, password: options.password }
  return await askTerminal(context, server)
}

async function askTerminal({ session, options, configFolder }: LoginContext, server: string) {
  const known = await loadCredentials(configFolder, session.env, server)
  if (!session.isTerminal.stdin) {
    // Scripts log in again with what is known.
    if (known && !options.username && !options.password) return known
    throw new CommandError('Error: Cannot perform an interactive login from a non TTY device')
  }
  const offered = known?.username ? ` (${known.username})` : ''
  let { username, password } = options
  if (!username) {
    await write(session.stdout, `Username${offered}: `)
    username = (await readLine(session)).trim() || known?.username || ''
  }
  if (!username) throw new CommandError('Error: Non-null Username Required')
  if (!password) password = await readSecret(session, 'Password: ')
  if (!password) throw new CommandError('Error: Password Required')
  return { username, password }
}
