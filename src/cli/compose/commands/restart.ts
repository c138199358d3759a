/** skiff compose restart */

import { startExisting } from '../../../compose/run/start.ts'
import { inReverse, stopGracefully } from '../../../compose/run/stop.ts'
import { bool } from '../../parse/flag.ts'
import { TIMEOUT } from '../bring-up.ts'
import { findOwn, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const restart = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: { 'no-deps': bool('Leave services alone that depend on the named ones'), timeout: TIMEOUT },
  async run(context) {
    const { engine, options, given, args } = context
    const { project, containers } = await findOwn(context)
    const bound =
      options['no-deps'] || !project
        ? []
        : Object.values(project.services).filter(({ depends_on }) => args.some(name => depends_on?.[name]?.restart))
    const more =
      bound.length > 0 && args.length > 0
        ? (
            await findOwn(
              context,
              bound.map(({ name }) => name),
            )
          ).containers.filter(({ running }) => running)
        : []
    const all = [...containers, ...more.filter(item => !containers.some(({ id }) => id === item.id))]
    const timeoutS = given.has('timeout') ? options.timeout : undefined
    await withProgress(context, async around => {
      await inReverse(project, all, container => stopGracefully(engine, container, around, timeoutS, project))
      await startExisting(
        engine,
        project,
        all.map(item => ({ ...item, running: false })),
        around,
      )
    })
  },
})
