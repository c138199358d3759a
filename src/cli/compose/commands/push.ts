/** skiff compose push: the images of services that are built. */

import { selectServices } from '../../../compose/plan/order.ts'
import { reported } from '../../../compose/run/report.ts'
import { showProgress } from '../../images/progress.ts'
import { fullName, parseReference } from '../../images/reference.ts'
import { bool } from '../../parse/flag.ts'
import { authHeader } from '../../registry/credentials.ts'
import { withProgress } from '../containers.ts'
import { openProject } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const push = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    'ignore-push-failures': bool('Go on when an image cannot be pushed'),
    'include-deps': bool('Push for services too that the named ones depend on'),
    quiet: bool('Show no progress', { short: 'q' }),
  },
  async run(context) {
    const { engine, session, options, args, configFolder, globals } = context
    const project = await openProject(context, args)
    const services = selectServices(project, args, args.length === 0 || options['include-deps']).filter(
      ({ image, build }) => image !== undefined && build,
    )
    const images = new Set(services.flatMap(({ image, build }) => [image ?? '', ...(build?.tags ?? [])]))
    const shown = options.quiet ? { ...context, globals: { ...globals, progress: 'quiet' } } : context
    await withProgress(shown, async around => {
      for (const image of images) {
        const { name, tag } = parseReference(image)
        const repository = fullName(name)
        const send = async () => {
          const headers = await authHeader(configFolder, session.env, repository)
          const response = await engine.request('POST', `/images/${repository}/push`, {
            query: { tag: tag || 'latest' },
            headers,
          })
          await showProgress(response, { sink: session.stderr, columns: undefined, quiet: true })
        }
        await reported(around, `Image ${image}`, 'Pushing', 'Pushed', send).catch(error => {
          if (!options['ignore-push-failures']) throw error
          around.warn((error as Error).message)
        })
      }
    })
  },
})
