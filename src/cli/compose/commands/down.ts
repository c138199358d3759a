/** skiff compose down */

import { down as takeDown } from '../../../compose/run/down.ts'
import { CommandError } from '../../errors.ts'
import { bool, int, string } from '../../parse/flag.ts'
import { checkServices, openNamed, surroundings } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const down = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    'remove-orphans': bool('Remove containers of services that the files do not have'),
    rmi: string('Remove images: all, or local for those without a name of their own'),
    timeout: int('Seconds until a container is killed', { short: 't', initial: 0 }),
    volumes: bool('Remove named volumes of the files and anonymous ones', { short: 'v' }),
  },
  async run(context) {
    const { engine, options, args, given } = context
    const { rmi } = options
    if (rmi !== '' && rmi !== 'all' && rmi !== 'local')
      throw new CommandError(`invalid value for --rmi: ${JSON.stringify(rmi)}`)
    const { name, project } = await openNamed(context)
    checkServices(project, args)
    const around = await surroundings(context)
    try {
      await takeDown({
        engine,
        name,
        project,
        services: args,
        volumes: options.volumes,
        removeOrphans: options['remove-orphans'],
        images: rmi,
        timeoutS: given.has('timeout') ? options.timeout : undefined,
        around,
      })
    } finally {
      around.stop()
    }
  },
})
