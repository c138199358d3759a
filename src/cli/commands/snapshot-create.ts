/** skiff snapshot create: a name for what a container's files are now. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { STOP_FLAGS, stopQuery } from '../containers/stopping.ts'
import { CommandError } from '../errors.ts'
import { bool } from '../parse/flag.ts'

const FLAGS = {
  ...STOP_FLAGS,
  pause: bool('Copy the files of a container that runs, while its processes are paused', { short: 'p' }),
  stop: bool('Stop a container that runs first, and start it again afterwards'),
  volumes: bool('Take the volumes of the container, too', { short: 'v' }),
}

export const createSnapshot = command({
  usage: '[OPTIONS] CONTAINER SNAPSHOT',
  description: `Keep what the files of a container are now under a name, to go back to with
skiff reset, and to begin with in skiff run --from-snapshot. The container must not run,
unless it is said what shall become of it meanwhile: --stop, or --pause.`,
  arity: [2, 2],
  flags: FLAGS,
  async run(context) {
    const { session, engine, options, args } = context
    if (options.stop && options.pause) throw new CommandError('conflicting options: choose one of --stop and --pause')
    const [container = '', name = ''] = args
    const { Name, Warnings } = await engine.post<{ Name: string; Warnings: string[] }>(
      `/containers/${segment(container)}/snapshots`,
      { ...stopQuery(context), name, stop: options.stop, pause: options.pause, volumes: options.volumes },
    )
    for (const warning of Warnings) await write(session.stderr, `WARNING: ${warning}\n`)
    await write(session.stdout, `${Name}\n`)
  },
})
