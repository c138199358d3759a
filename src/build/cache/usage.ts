/** The cache as `docker system df -v` lists it. */

import type { CacheEntry } from '../types.ts'
import type { Rooms } from '../workshop.ts'

export function cacheUsage({
  cache,
  context,
  snapshots,
}: Pick<Rooms, 'cache' | 'context' | 'snapshots'>): CacheEntry[] {
  void context
  void snapshots
  return cache.all().map(record => ({
    id: record.key,
    parent: cache.find(record.parent) === undefined ? '' : record.parent,
    type: 'regular',
    description: record.description,
    inUse: false,
    shared: false,
    size: record.layer?.size ?? 0,
    createdAt: record.created,
    lastUsedAt: record.lastUsed,
    usageCount: record.usageCount,
  }))
}
