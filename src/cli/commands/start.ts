/** skiff start: starts stopped containers, or one with its streams attached. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, type Context, command } from '../command.ts'
import { startAttached } from '../containers/start-attached.ts'
import { CommandError } from '../errors.ts'
import { bool, string } from '../parse/flag.ts'
import { checkTerminal } from '../terminal/check.ts'

const FLAGS = {
  attach: bool('Attach stdout and stderr, and pass signals on', { short: 'a' }),
  checkpoint: string('Restore from this checkpoint (refused)'),
  'checkpoint-dir': string('Folder of checkpoints (refused)'),
  'detach-keys': string('Keys that leave the container running (default "ctrl-p,ctrl-q")'),
  interactive: bool('Attach stdin', { short: 'i' }),
}

export const start = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: FLAGS,
  async run(context) {
    const { options, args } = context
    if (options.checkpoint || options['checkpoint-dir'])
      throw new CommandError('--checkpoint is not supported by skiff')
    if (!options.attach && !options.interactive) return await startAll(context)
    if (args.length > 1) throw new CommandError('you cannot start and attach multiple containers at once')
    return await startOne(context)
  },
})

async function startAll({ session, engine, args }: Context<typeof FLAGS>): Promise<void> {
  const failed: string[] = []
  const failures: string[] = []
  for (const name of args) {
    try {
      await engine.post(`/containers/${segment(name)}/start`)
      await write(session.stdout, `${name}\n`)
    } catch (error) {
      failures.push((error as Error).message)
      await write(session.stderr, `${failures.at(-1)}\n`)
      failed.push(name)
    }
  }
  if (failed.length > 0) throw new CommandError(`Error: failed to start containers: ${failed.join(', ')}`, 1, failures)
}

interface Inspected {
  Id: string
  Config: { Tty: boolean; OpenStdin: boolean }
  HostConfig: { AutoRemove: boolean }
}

async function startOne({ session, engine, options, args }: Context<typeof FLAGS>): Promise<number> {
  const inspected = await engine.get<Inspected>(`/containers/${segment(args[0] ?? '')}/json`)
  const { Id: id, Config, HostConfig } = inspected
  const how = {
    tty: Config.Tty,
    stdin: options.interactive && Config.OpenStdin,
    stdout: true,
    stderr: true,
    detachKeys: options['detach-keys'],
    signals: !Config.Tty,
    autoRemove: HostConfig.AutoRemove,
  }
  checkTerminal(session, how.stdin, how.tty)
  return await startAttached(session, engine, id, how)
}
