/** skiff compose rm: stopped containers */

import { write } from '../../../client/write.ts'
import { removeContainer } from '../../../compose/run/containers.ts'
import { inReverse, stopGracefully } from '../../../compose/run/stop.ts'
import { confirm } from '../../output/confirm.ts'
import { bool } from '../../parse/flag.ts'
import { findOwn, onEach, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const rm = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    force: bool('Do not ask', { short: 'f' }),
    stop: bool('Stop the containers first', { short: 's' }),
    volumes: bool('Remove their anonymous volumes too', { short: 'v' }),
  },
  async run(context) {
    const { engine, session, options } = context
    const { project, all } = await findOwn(context)
    if (options.stop)
      await withProgress(context, around =>
        inReverse(project, all, container => stopGracefully(engine, container, around, undefined, project)),
      )
    const idle = all.filter(({ running }) => options.stop || !running)
    if (idle.length === 0) {
      await write(session.stderr, 'No stopped containers\n')
      return
    }
    const names = idle.map(({ name }) => name).join(', ')
    if (!options.force && !(await confirm(session, `Going to remove ${names}\nAre you sure?`))) return
    await withProgress(context, around =>
      onEach(idle, around, ['Removing', 'Removed'], ({ id }) => removeContainer(engine, id, options.volumes)),
    )
  },
})
