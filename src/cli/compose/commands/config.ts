/** skiff compose config: the project as it is understood. */

import { serviceHash } from '../../../compose/engine/hash.ts'
import { imageOf } from '../../../compose/engine/images.ts'
import { showProject } from '../../../compose/show.ts'
import { CommandError } from '../../errors.ts'
import { bool, single, string } from '../../parse/flag.ts'
import { outputFile } from '../output.ts'
import { openProject, say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const config = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    format: single('string', 'yaml or json', 'yaml', text => text, { shownDefault: '"yaml"' }),
    hash: string('Show the hash of these services (a,b), or of all (*)'),
    images: bool('Show the names of the images'),
    networks: bool('Show the names of the networks'),
    'no-interpolate': bool('Leave variables as they are written'),
    output: string('Write to this file', { short: 'o' }),
    profiles: bool('Show the names of the profiles'),
    quiet: bool('Show nothing but what is wrong', { short: 'q' }),
    services: bool('Show the names of the services'),
    volumes: bool('Show the names of the volumes'),
  },
  async run(context) {
    const { options, args } = context
    const project = await openProject(context, args, { interpolate: !options['no-interpolate'] })
    for (const name of args) if (!project.services[name]) throw new CommandError(`no such service: ${name}`)
    if (options.quiet) return
    const services = Object.values(project.services).filter(({ name }) => args.length === 0 || args.includes(name))
    const lines = (names: Iterable<string>) =>
      say(
        context,
        [...new Set(names)]
          .sort()
          .map(name => `${name}\n`)
          .join(''),
      )
    if (options.services) return await lines(services.map(({ name }) => name))
    if (options.volumes) return await lines(Object.keys(project.volumes))
    if (options.networks) return await lines(Object.keys(project.networks))
    if (options.images) return await lines(services.map(service => imageOf(project, service)))
    if (options.profiles)
      return await lines([...services, ...Object.values(project.inactive)].flatMap(({ profiles = [] }) => profiles))
    if (options.hash) {
      const wanted = options.hash === '*' ? Object.keys(project.services) : options.hash.split(',')
      return await lines(
        wanted.map(name => {
          const service = project.services[name]
          if (!service) throw new CommandError(`no such service: ${name}`)
          return `${name} ${serviceHash(project, service)}`
        }),
      )
    }
    if (!['yaml', 'json'].includes(options.format))
      throw new CommandError(`unsupported format ${JSON.stringify(options.format)}`)
    const only = Object.fromEntries(services.map(service => [service.name, service]))
    await outputFile(context, options.output, showProject({ ...project, services: only }, options.format === 'json'))
  },
})
