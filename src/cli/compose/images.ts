/** How the images of services come here, with the user's credentials and a view of what happens. */

import type { ImageSupply } from '../../compose/engine/images.ts'
import type { Project, Service } from '../../compose/project.ts'
import { reported, type Surroundings } from '../../compose/run/report.ts'
import { pull } from '../images/pull.ts'
import type { ComposeContext } from './subcommand.ts'

type SupplyContext = Pick<ComposeContext, 'session' | 'engine' | 'configFolder' | 'globals'>

export function imageSupply(context: SupplyContext, around: Surroundings, project: Project): ImageSupply {
  // One after the other: each has the screen to itself, and the engine runs the stages of one on all cores.
  let last: Promise<void> = Promise.resolve()
  return {
    pull: (service, image) => pullImage(context, around, service, image),
    build: service => {
      last = last.then(async () => {
        const { buildService } = await import('./build.ts')
        await buildService(context, project, service, { progress: context.globals.progress, version: around.version })
      })
      return last
    },
  }
}

/** One line for each image; the layers of many at once nobody could read. */
export const pullImage = (
  { session, engine, configFolder }: SupplyContext,
  around: Surroundings,
  { platform = '' }: Service,
  image: string,
): Promise<void> =>
  reported(around, `Image ${image}`, 'Pulling', 'Pulled', () =>
    pull({ session, engine, configFolder, reference: image, platform, quiet: true, sink: session.stderr }),
  )
