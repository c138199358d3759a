/** The line for each kind of `system df`, from what the daemon counts. */

import type { Volume } from '../commands/volume-ls.ts'
import type { ContainerSummary } from '../containers/summary.ts'
import type { ImageSummary } from '../images/rows.ts'

export interface CacheEntry {
  ID: string
  Type: string
  Size: number
  CreatedAt: string
  LastUsedAt?: string | null
  UsageCount: number
  InUse: boolean
  Shared: boolean
}

export interface DiskUsage {
  LayersSize: number
  Images: ImageSummary[] | null
  Containers: ContainerSummary[] | null
  Volumes: Volume[] | null
  BuildCache?: CacheEntry[] | null
}

export interface Kind {
  readonly type: string
  readonly total: number
  readonly active: number
  /** Bytes. */
  readonly size: number
  readonly reclaimable: number
  /** Whether it is also shown as a share of the size. */
  readonly percentage: boolean
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + Math.max(0, number), 0)

export const summarise = (usage: DiskUsage): Kind[] => [images(usage), containers(usage), volumes(usage), cache(usage)]

function images({ Images, LayersSize }: DiskUsage): Kind {
  const all = Images ?? []
  const used = all.filter(({ Containers }) => Containers > 0)
  // What used images have for themselves stays; layers that they share with unused ones are not told apart.
  const kept = sum(
    used
      .filter(({ Size, SharedSize }) => Size !== -1 && SharedSize !== -1)
      .map(({ Size, SharedSize }) => Size - SharedSize),
  )
  return {
    type: 'Images',
    total: all.length,
    active: used.length,
    size: LayersSize,
    reclaimable: LayersSize - kept,
    percentage: true,
  }
}

function containers({ Containers }: DiskUsage): Kind {
  const all = Containers ?? []
  const active = all.filter(({ State }) => /running|paused|restarting/.test(State))
  const size = sum(all.map(({ SizeRw }) => SizeRw ?? 0))
  const reclaimable = size - sum(active.map(({ SizeRw }) => SizeRw ?? 0))
  return { type: 'Containers', total: all.length, active: active.length, size, reclaimable, percentage: true }
}

function volumes({ Volumes }: DiskUsage): Kind {
  const all = Volumes ?? []
  const sizeOf = ({ UsageData }: Volume) => UsageData?.Size ?? 0
  const active = all.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0)
  const size = sum(all.map(sizeOf))
  return {
    type: 'Local Volumes',
    total: all.length,
    active: active.length,
    size,
    reclaimable: size - sum(active.map(sizeOf)),
    percentage: true,
  }
}

function cache({ BuildCache }: DiskUsage): Kind {
  const all = BuildCache ?? []
  const size = sum(all.filter(({ Shared }) => !Shared).map(({ Size }) => Size))
  const reclaimable = sum(all.filter(({ InUse, Shared }) => !InUse && !Shared).map(({ Size }) => Size))
  return {
    type: 'Build Cache',
    total: all.length,
    active: all.filter(({ InUse }) => InUse).length,
    size,
    reclaimable,
    percentage: false,
  }
}
