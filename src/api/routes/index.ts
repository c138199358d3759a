/** Every route of the API. Within one kind of path the first that matches wins. */

import type { Route } from '../http/router.ts'
import { buildRoutes } from './build.ts'
import { commitRoutes } from './commit.ts'
import { containerRoutes } from './containers.ts'
import { diskUsageRoutes } from './disk-usage.ts'
import { eventRoutes } from './events.ts'
import { execRoutes } from './exec.ts'
import { explainRoutes } from './explain.ts'
import { fileRoutes } from './files.ts'
import { imageCreateRoutes } from './image-create.ts'
import { imageRoutes } from './images.ts'
import { networkRoutes } from './networks.ts'
import { pendingRoutes } from './pending.ts'
import { pluginRoutes } from './plugins.ts'
import { snapshotRoutes } from './snapshots.ts'
import { startAttachedRoutes } from './start-attached.ts'
import { statsRoutes } from './stats.ts'
import { streamRoutes } from './streams.ts'
import { swarmRoutes } from './swarm.ts'
import { systemRoutes } from './system.ts'
import { volumeRoutes } from './volumes.ts'

export const routes: readonly Route[] = [
  ...systemRoutes,
  ...eventRoutes,
  ...diskUsageRoutes,
  ...buildRoutes,
  ...pendingRoutes,
  ...explainRoutes,
  ...streamRoutes,
  ...fileRoutes,
  ...statsRoutes,
  ...commitRoutes,
  ...execRoutes,
  ...startAttachedRoutes,
  ...snapshotRoutes,
  ...containerRoutes,
  ...imageCreateRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...swarmRoutes,
  ...pluginRoutes,
]
