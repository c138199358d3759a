/** docker builder prune. */

import type { PruneRequest } from '../types.ts'
import type { Rooms } from '../workshop.ts'

export async function pruneCache(
  { cache, snapshots }: Pick<Rooms, 'cache' | 'snapshots'>,
  _request: PruneRequest,
): Promise<{ removed: string[]; reclaimed: number }> {
  const records = cache.all()
  await cache.remove(records.map(({ key }) => key))
  await snapshots.layers.sweep()
  return {
    removed: records.map(({ key }) => key),
    reclaimed: records.reduce((sum, { layer }) => sum + (layer?.size ?? 0), 0),
  }
}
