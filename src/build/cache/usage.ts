/** The cache as `docker system df -v` lists it: steps, and the folders of RUN --mount=type=cache. */

import type { ChainId } from '../../snapshots/types.ts'
import type { CacheEntry } from '../types.ts'
import type { Rooms } from '../workshop.ts'
import type { CacheRecord } from './cache.ts'

export async function cacheUsage(rooms: Rooms): Promise<CacheEntry[]> {
  const { cache } = rooms
  const chains = await imageChains(rooms)
  const steps = cache.all().map(
    (record): CacheEntry => ({
      id: record.key,
      parent: cache.find(record.parent) === undefined ? '' : record.parent,
      type: 'regular',
      description: record.description,
      inUse: false,
      shared: isShared(rooms, record, chains),
      size: record.layer?.size ?? 0,
      createdAt: record.created,
      lastUsedAt: record.lastUsed,
      usageCount: record.usageCount,
    }),
  )
  return [...steps, ...(await Promise.all(folderEntries(rooms)))]
}

function folderEntries({ cacheFolders, snapshots }: Rooms): Promise<CacheEntry>[] {
  return cacheFolders.all().map(async ({ name, id, created, lastUsed, usageCount }) => ({
    id: name,
    parent: '',
    type: 'exec.cachemount' as const,
    description: `cached mount ${id}`,
    inUse: cacheFolders.isUsed(name),
    shared: false,
    size: await snapshots.workers.run('bytesIn', { folder: cacheFolders.pathOf(name) }),
    createdAt: created,
    lastUsedAt: lastUsed,
    usageCount,
  }))
}

async function imageChains({ context }: Rooms): Promise<Set<ChainId>> {
  const images = await context.rooms.images.list({}, { all: true })
  return new Set(images.flatMap(({ chain }) => chain))
}

/** An image stands on what the step made. One that made nothing goes with the step below it. */
function isShared({ cache }: Rooms, record: CacheRecord, chains: ReadonlySet<ChainId>): boolean {
  let at: CacheRecord | undefined = record
  while (at !== undefined && at.layer === null) at = cache.find(at.parent)
  return at?.layer ? chains.has(at.layer.chain) : false
}
