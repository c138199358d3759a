/** A record of the build cache. Engine API reference, "BuildCache". */

import type { CacheEntry } from '../../build/types.ts'

export const encodeCacheEntry = (entry: CacheEntry, since: (version: string) => boolean): Record<string, unknown> => ({
  ID: entry.id,
  // Since 1.42 an entry may have several.
  ...(since('1.42') ? { Parents: entry.parent === '' ? null : [entry.parent] } : { Parent: entry.parent }),
  Type: entry.type,
  Description: entry.description,
  InUse: entry.inUse,
  Shared: entry.shared,
  Size: entry.size,
  CreatedAt: entry.createdAt,
  LastUsedAt: entry.lastUsedAt,
  UsageCount: entry.usageCount,
})
