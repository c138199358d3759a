/** skiff compose build: the images of services that have a `build`. */

import { selectServices } from '../../../compose/plan/order.ts'
import { clientVersion } from '../../client-version.ts'
import { bool, list, string } from '../../parse/flag.ts'
import { buildService } from '../build.ts'
import { openProject } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const build = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    'build-arg': list('Set a variable that a Dockerfile declares with ARG', { type: 'stringArray' }),
    memory: string('Memory limit of each RUN', { short: 'm' }),
    'no-cache': bool('Run every step, whatever is kept from earlier builds'),
    pull: bool('Ask the registry for newer base images'),
    push: bool('Push the images'),
    quiet: bool('Show no progress', { short: 'q' }),
    ssh: string('An ssh agent that RUN --mount=type=ssh sees'),
    'with-dependencies': bool('Build for services too that the named ones depend on'),
  },
  async run(context) {
    const { options, args, globals } = context
    const project = await openProject(context, args)
    const services = selectServices(project, args, args.length === 0 || options['with-dependencies']).filter(
      ({ build: how }) => how,
    )
    const { version } = await clientVersion()
    for (const service of services)
      await buildService(context, project, service, {
        noCache: options['no-cache'],
        pull: options.pull,
        quiet: options.quiet,
        args: options['build-arg'],
        memory: options.memory,
        ssh: options.ssh,
        progress: globals.progress,
        version,
      })
    if (!options.push) return
    const { push } = await import('./push.ts')
    await push.run({
      ...context,
      options: { 'ignore-push-failures': false, 'include-deps': options['with-dependencies'], quiet: options.quiet },
    })
  },
})
