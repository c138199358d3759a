/** skiff compose wait: until containers of services end; the exit code of the first is its own. */

import { down } from '../../../compose/run/down.ts'
import { beginWait } from '../../containers/attach.ts'
import { CommandError } from '../../errors.ts'
import { bool } from '../../parse/flag.ts'
import { findOwn, withProgress } from '../containers.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const wait = subcommand({
  usage: '[OPTIONS] SERVICE [SERVICE...]',
  arity: [1, Number.POSITIVE_INFINITY],
  flags: { 'down-project': bool('Take the project down when the first one has ended') },
  async run(context) {
    const { engine, options, args } = context
    const { name, project, containers } = await findOwn(context)
    const missing = args.find(service => !containers.some(item => item.service === service))
    if (missing !== undefined) throw new CommandError(`no containers for service ${JSON.stringify(missing)}`)
    const codes = await Promise.all(containers.map(async ({ id }) => (await beginWait(engine, id)).outcome))
    for (const code of codes) await say(context, `${code}\n`)
    if (options['down-project'])
      await withProgress(context, around =>
        down({ engine, name, project, services: [], volumes: false, removeOrphans: false, images: '', around }),
      )
    return codes[0] ?? 0
  },
})
