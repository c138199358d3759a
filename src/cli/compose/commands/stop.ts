/** skiff compose stop: dependents before what they depend on. */

import { inReverse, stopGracefully } from '../../../compose/run/stop.ts'
import { TIMEOUT } from '../bring-up.ts'
import { findOwn, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const stop = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: { timeout: TIMEOUT },
  async run(context) {
    const { engine, options, given } = context
    const { project, containers } = await findOwn(context)
    const timeoutS = given.has('timeout') ? options.timeout : undefined
    await withProgress(context, around =>
      inReverse(project, containers, container => stopGracefully(engine, container, around, timeoutS, project)),
    )
  },
})
