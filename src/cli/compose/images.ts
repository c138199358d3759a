/** How the images of services come here, with the user's credentials and a view of what happens. */

import type { ImageSupply } from '../../compose/engine/images.ts'
import type { Project, Service } from '../../compose/project.ts'
import { reported, type Surroundings } from '../../compose/run/report.ts'
import { pull } from '../images/pull.ts'
import type { ComposeContext } from './subcommand.ts'

type SupplyContext = Pick<ComposeContext, 'session' | 'engine' | 'configFolder'>

export const imageSupply = (context: SupplyContext, around: Surroundings, _project: Project): ImageSupply => ({
  pull: (service, image) => pullImage(context, around, service, image),
  build: async service => {
    throw new Error(`${service.name}: build`)
  },
})

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
