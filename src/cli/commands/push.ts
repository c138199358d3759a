/** skiff push: an image to a registry. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { showProgress } from '../images/progress.ts'
import { fullName, parseReference } from '../images/reference.ts'
import { bool, string } from '../parse/flag.ts'
import { authHeader } from '../registry/credentials.ts'

export const push = command({
  usage: '[OPTIONS] NAME[:TAG]',
  arity: [1, 1],
  flags: {
    'all-tags': bool('Upload all tags of the repository', { short: 'a' }),
    'disable-content-trust': bool('Skip signing', { initial: true }),
    platform: string('Push this platform alone: os[/arch[/variant]]'),
    quiet: bool('Show only the name', { short: 'q' }),
  },
  async run({ session, engine, options, args, configFolder }) {
    const { name, tag, digest } = parseReference(args[0] ?? '')
    const allTags = options['all-tags']
    if (digest) throw new CommandError('cannot push a digest reference')
    if (allTags && tag) throw new CommandError("tag can't be used with --all-tags/-a")
    if (!allTags && !tag && !options.quiet) await write(session.stdout, 'Using default tag: latest\n')
    const repository = fullName(name)
    const response = await engine.request('POST', `/images/${repository}/push`, {
      query: { tag: allTags ? undefined : tag || 'latest', platform: options.platform || undefined },
      headers: await authHeader(configFolder, session.env, repository),
    })
    const columns = session.isTerminal.stdout ? session.windowSize()?.columns : undefined
    await showProgress(response, { sink: session.stdout, columns, quiet: options.quiet })
    if (options.quiet) await write(session.stdout, `${repository}${allTags ? '' : `:${tag || 'latest'}`}\n`)
  },
})
