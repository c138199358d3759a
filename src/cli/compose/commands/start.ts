/** skiff compose start: containers that are there, in the order of their dependencies. */

import { startExisting } from '../../../compose/run/start.ts'
import { CommandError } from '../../errors.ts'
import { bool, int } from '../../parse/flag.ts'
import { findOwn, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'
import { awaitRunning, completes } from '../wait-running.ts'

export const start = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    wait: bool('Wait until services run or are healthy'),
    'wait-timeout': int('Longest time to wait, in seconds'),
  },
  async run(context) {
    const { engine, args, options } = context
    const { project, containers } = await findOwn(context)
    const missing = args.find(name => !containers.some(({ service }) => service === name))
    if (missing !== undefined) throw new CommandError(`service ${JSON.stringify(missing)} has no container to start`)
    if (containers.length === 0) throw new CommandError('no container to start')
    await withProgress(context, async around => {
      await startExisting(engine, project, containers, around)
      if (options.wait)
        await awaitRunning(
          engine,
          containers.map(({ name, service }) => ({ name, completes: completes(project, service) })),
          options['wait-timeout'],
          around,
        )
    })
  },
})
