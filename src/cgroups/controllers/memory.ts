/**
 * Memory and swap. Kernel: cgroup-v1/memory.rst; cgroup-v2.rst, "Memory Interface Files".
 * Docker and OCI count memory plus swap, as v1 does (memsw); v2 counts swap alone.
 */

import { totalmem } from 'node:os'
import { Unavailable } from '../../kernel/errors.ts'
import { type GroupFiles, parseKeyed } from '../files.ts'
import { type Assignment, type ControllerFiles, type ControllerModule, type GroupState, isSet } from '../setting.ts'
import type { CgroupStats, Resources } from '../types.ts'

const WHY_LIMIT = 'beyond this the kernel reclaims, and then kills'
const WHY_RESERVATION = 'the group is reclaimed from last while it is below'

const legacy: ControllerFiles = {
  settings(resources, group) {
    const settings = legacyLimits(resources, group)
    const { memoryReservationBytes: reservation, memorySwappiness: swappiness, oomKillDisable } = resources
    if (isSet(reservation)) {
      settings.push({
        file: 'memory.soft_limit_in_bytes',
        value: String(reservation),
        why: 'reclaimed down to this when the machine runs short',
      })
    }
    if (swappiness !== undefined && swappiness !== -1) {
      settings.push({
        file: 'memory.swappiness',
        value: String(swappiness),
        why: 'how willingly anonymous memory is swapped',
      })
    }
    if (oomKillDisable !== undefined && (oomKillDisable || group.read('memory.oom_control') !== null)) {
      const value = oomKillDisable ? '1' : '0'
      settings.push({
        file: 'memory.oom_control',
        value,
        why: oomKillDisable ? 'wait for memory, do not kill' : WHY_LIMIT,
      })
    }
    return settings
  },
}

/** Memory may at no moment be allowed more than memory and swap together: the kernel refuses the write that would make it so. */
function legacyLimits({ memoryBytes, memorySwapBytes }: Resources, group: GroupState): Assignment[] {
  const limit = isSet(memoryBytes) ? memoryBytes : undefined
  const swap = swapTotal(limit, memorySwapBytes, group, 'memory.memsw.limit_in_bytes')
  const settings: Assignment[] = []
  if (limit !== undefined) settings.push({ file: 'memory.limit_in_bytes', value: String(limit), why: WHY_LIMIT })
  if (swap !== undefined) {
    const setting = {
      file: 'memory.memsw.limit_in_bytes',
      value: String(swap),
      why: 'memory and swap together, as Docker counts',
    }
    const present = group.number('memory.memsw.limit_in_bytes') ?? Infinity
    if (swap === -1 || swap > present) settings.unshift(setting)
    else settings.push(setting)
  }
  return settings
}

/** What memory and swap together shall be: undefined leaves it. Docker: as much swap as memory if nothing else is said. */
function swapTotal(
  limit: number | undefined,
  given: number | undefined,
  group: GroupState,
  file: string,
): number | undefined {
  if (isSet(given)) {
    if (group.has(file)) return given
    if (given === -1) return undefined
    throw new Unavailable(`a limit on swap: this kernel does not account for swap (${file})`)
  }
  if (limit === undefined || !group.has(file)) return undefined
  if (limit === -1) return -1
  const isNew = group.read(file) === null
  return isNew ? 2 * limit : undefined
}

const unified: ControllerFiles = {
  settings(resources, group) {
    const { memoryReservationBytes: reservation, memorySwappiness: swappiness, oomKillDisable } = resources
    if (swappiness !== undefined && swappiness !== -1)
      throw new Unavailable('memory swappiness: cgroup v2 does not have it')
    if (oomKillDisable) throw new Unavailable('disabling the OOM killer: cgroup v2 does not have it')
    const settings = unifiedLimits(resources, group)
    if (isSet(reservation)) {
      settings.push({ file: 'memory.low', value: maxOr(reservation), why: WHY_RESERVATION })
    }
    return settings
  },
}

function unifiedLimits({ memoryBytes, memorySwapBytes }: Resources, group: GroupState): Assignment[] {
  const limit = isSet(memoryBytes) ? memoryBytes : undefined
  const settings: Assignment[] = []
  if (limit !== undefined) settings.push({ file: 'memory.max', value: maxOr(limit), why: WHY_LIMIT })
  const total = swapTotal(limit, memorySwapBytes, group, 'memory.swap.max') ?? presentTotal(limit, group)
  if (total !== undefined) {
    const memory = limit ?? group.number('memory.max') ?? Infinity
    // Without a limit on memory there is no telling how much of the sum is swap.
    const swap = total === -1 || memory === -1 || memory === Infinity ? -1 : Math.max(0, total - memory)
    settings.push({
      file: 'memory.swap.max',
      value: maxOr(swap),
      why: 'swap alone: memory and swap together, less memory',
    })
  }
  return settings
}

/** An update of the memory alone leaves memory and swap together what they were, as on v1. */
function presentTotal(limit: number | undefined, group: GroupState): number | undefined {
  const swap = group.number('memory.swap.max')
  if (limit === undefined || swap === null) return undefined
  const total = (group.number('memory.max') ?? Infinity) + swap
  return total === Infinity ? undefined : total
}

const maxOr = (value: number): string => (value === -1 ? 'max' : String(value))

export const memory: ControllerModule = {
  controller: 'memory',
  asked(resources) {
    const { memoryBytes, memoryReservationBytes, memorySwapBytes, memorySwappiness, oomKillDisable } = resources
    if (isSet(memoryBytes) || isSet(memoryReservationBytes)) return 'a limit on memory'
    if (isSet(memorySwapBytes)) return 'a limit on swap'
    if (memorySwappiness !== undefined && memorySwappiness !== -1) return 'memory swappiness'
    return oomKillDisable ? 'disabling the OOM killer' : null
  },
  legacy,
  unified,
}

export function legacyMemoryStats(group: GroupFiles): CgroupStats['memory'] {
  const usage = group.number('memory.usage_in_bytes')
  if (usage === null) return null
  return {
    usageBytes: usage,
    limitBytes: Math.min(group.number('memory.limit_in_bytes') ?? Infinity, totalmem()),
    maxUsageBytes: group.number('memory.max_usage_in_bytes'),
    failCount: group.number('memory.failcnt') ?? 0,
    detail: group.keyed('memory.stat') ?? {},
  }
}

export function unifiedMemoryStats(group: GroupFiles): CgroupStats['memory'] {
  const usage = group.number('memory.current')
  if (usage === null) return null
  const events = parseKeyed(group.read('memory.events') ?? '')
  return {
    usageBytes: usage,
    limitBytes: Math.min(group.number('memory.max') ?? Infinity, totalmem()),
    maxUsageBytes: group.number('memory.peak'),
    failCount: events.oom ?? 0,
    detail: group.keyed('memory.stat') ?? {},
  }
}
