/** docker builder prune. */

import type { PruneRequest } from '../types.ts'
import type { Rooms } from '../workshop.ts'

export async function pruneCache(
  { cache, snapshots }: Pick<Rooms, 'cache' | 'snapshots'>,
  { filters }: PruneRequest,
): Promise<{ removed: string[]; reclaimed: number }> {
  // What is kept has no labels. `docker system prune` gives its filter to everything.
  const records = filters.label?.length ? [] : cache.all()
  await cache.remove(records.map(({ key }) => key))
  await snapshots.layers.sweep()
  return {
    removed: records.map(({ key }) => key),
    reclaimed: records.reduce((sum, { layer }) => sum + (layer?.size ?? 0), 0),
  }
}
