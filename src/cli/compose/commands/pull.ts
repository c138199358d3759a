/** skiff compose pull */

import { findImage, imageOf } from '../../../compose/engine/images.ts'
import { selectServices } from '../../../compose/plan/order.ts'
import { bool, string } from '../../parse/flag.ts'
import { withProgress } from '../containers.ts'
import { pullImage } from '../images.ts'
import { openProject } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const pull = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    'ignore-buildable': bool('Leave out images that can be built'),
    'ignore-pull-failures': bool('Go on when an image cannot be pulled'),
    'include-deps': bool('Pull for services too that the named ones depend on'),
    policy: string('missing, always', { initial: 'always' }),
    quiet: bool('Show no progress', { short: 'q' }),
  },
  async run(context) {
    const { engine, options, args, globals } = context
    const project = await openProject(context, args)
    const services = selectServices(project, args, args.length === 0 || options['include-deps']).filter(
      ({ image, build, pull_policy }) =>
        image !== undefined && !(build && (options['ignore-buildable'] || pull_policy === 'build')),
    )
    const byImage = new Map(services.map(service => [imageOf(project, service), service]))
    const shown = options.quiet ? { ...context, globals: { ...globals, progress: 'quiet' } } : context
    await withProgress(shown, async around => {
      const settled = await Promise.allSettled(
        [...byImage].map(async ([image, service]) => {
          if ((options.policy === 'missing' || service.pull_policy === 'never') && (await findImage(engine, image)))
            return
          await pullImage(context, around, service, image)
        }),
      )
      const failed = settled.filter(result => result.status === 'rejected')
      if (failed.length > 0 && !options['ignore-pull-failures']) throw failed[0]?.reason
      for (const { reason } of failed) around.warn((reason as Error).message)
    })
  },
})
