/** The build service, as src/api sees it. */

import type { Roots } from '../containers/store/files.ts'
import { build } from './build.ts'
import { BuildCache } from './cache/cache.ts'
import { pruneCache } from './cache/prune.ts'
import { cacheUsage } from './cache/usage.ts'
import { contextsFolder, removeFolder } from './context.ts'
import { removeLeftMemory } from './mounts/memory.ts'
import { type LeftStepsRooms, removeLeftSteps } from './steps/container.ts'
import type { BuildService } from './types.ts'
import { type Rooms, treeOf } from './workshop.ts'

/** The cache keeps layers alive: it has to be open before anything is swept. */
export async function openCache({
  dataRoot,
  layers,
}: {
  dataRoot: string
  layers: Rooms['snapshots']['layers']
}): Promise<BuildCache> {
  const cache = await BuildCache.open(dataRoot)
  await cache.removeLost(chain => layers.find(chain) !== undefined)
  layers.addUser(() => layers.withBelow(cache.all().flatMap(({ layer }) => layer?.chain ?? [])))
  return cache
}

export function createBuildService(rooms: Rooms): BuildService {
  const running = new Set<Promise<unknown>>()
  const stopping = new AbortController()
  const watch = (work: Promise<unknown>): void => {
    running.add(work)
    const forget = (): void => void running.delete(work)
    work.then(forget, forget)
  }
  const behind = (work: Promise<unknown>): void =>
    watch(work.catch(error => rooms.context.rooms.log.error({ err: error }, 'what a build has left is not removed')))
  return {
    build(request, context, tell, signal) {
      const result = build(rooms, request, context, tell, AbortSignal.any([signal, stopping.signal]), behind)
      watch(result)
      return result
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled(running)
    },
    ...cacheService(rooms),
  }
}

const cacheService = (rooms: Rooms): Pick<BuildService, 'tree' | 'cacheUsage' | 'prune'> => ({
  tree: async image => {
    const { chain } = await rooms.context.rooms.images.resolve(image)
    return rooms.snapshots.workers.stream('packTreeOf', () => ({ tree: treeOf(rooms, chain) }))
  },
  cacheUsage: () => cacheUsage(rooms),
  prune: request => pruneCache(rooms, request),
})

/** What builds of a daemon that was killed have left. Before layers are swept. */
export async function removeLeftBuilds(rooms: LeftStepsRooms, roots: Roots): Promise<void> {
  await removeLeftSteps(rooms, roots)
  await removeLeftMemory(roots)
  await removeFolder(contextsFolder(roots.dataRoot))
}
