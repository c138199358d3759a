/** docker builder prune. Engine API reference, "BuildPrune". */

import { durationNs } from '../../images/instructions.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { CacheEntry, PruneRequest } from '../types.ts'
import type { Rooms } from '../workshop.ts'
import { cacheUsage } from './usage.ts'

/** Without `all` what images stand on stays. @throws InvalidParameter */
export async function pruneCache(
  rooms: Rooms,
  { all, keepBytes, filters }: PruneRequest,
): Promise<{ removed: string[]; reclaimed: number }> {
  const matches = matcher(filters)
  const entries = await cacheUsage(rooms)
  const candidates = entries.filter(entry => !entry.inUse && (all || !entry.shared) && matches(entry))
  const doomed = keepBytes > 0 ? beyond(entries, candidates, keepBytes) : candidates
  await rooms.cache.remove(doomed.filter(({ type }) => type === 'regular').map(({ id }) => id))
  for (const { id } of doomed.filter(({ type }) => type === 'exec.cachemount')) await rooms.cacheFolders.remove(id)
  await rooms.snapshots.layers.sweep()
  // What images still have is not gone from the disk.
  const reclaimed = doomed.filter(({ shared }) => !shared).reduce((sum, { size }) => sum + size, 0)
  return { removed: doomed.map(({ id }) => id), reclaimed }
}

/** As many of the candidates as it takes, those that were not used for longest first. */
function beyond(entries: readonly CacheEntry[], candidates: readonly CacheEntry[], keepBytes: number): CacheEntry[] {
  let total = entries.reduce((sum, { size }) => sum + size, 0)
  const doomed: CacheEntry[] = []
  for (const entry of [...candidates].sort((a, b) => Date.parse(a.lastUsedAt) - Date.parse(b.lastUsedAt))) {
    if (total <= keepBytes) break
    total -= entry.size
    doomed.push(entry)
  }
  return doomed
}

const TESTS: Record<string, (entry: CacheEntry, value: string) => boolean> = {
  id: ({ id }, value) => id.startsWith(value),
  parent: ({ parent }, value) => parent.startsWith(value),
  type: ({ type }, value) => type === value,
  description: ({ description }, value) => description.includes(value),
  inuse: ({ inUse }, value) => inUse === isTrue(value),
  shared: ({ shared }, value) => shared === isTrue(value),
  private: ({ shared }, value) => shared !== isTrue(value),
  // What is kept has no labels: `docker system prune` gives its filter to everything.
  label: () => false,
  'label!': () => true,
  until: ({ lastUsedAt }, value) => Date.parse(lastUsedAt) < momentOf(value),
}

const isTrue = (value: string): boolean => value === '' || value === '1' || value === 'true'

function momentOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const moment = Date.parse(text)
  return Number.isNaN(moment) ? Date.now() - durationNs(text) / 1e6 : moment
}

function matcher(filters: PruneRequest['filters']): (entry: CacheEntry) => boolean {
  const tests = Object.entries(filters).map(([name, values]) => {
    // Wrong moments are told also when there is nothing to compare them with.
    if (name === 'until') values.forEach(momentOf)
    const test = TESTS[name]
    if (test === undefined) throw new InvalidParameter(`invalid filter '${name}'`)
    return (entry: CacheEntry) => values.some(value => test(entry, value))
  })
  return entry => tests.every(test => test(entry))
}
