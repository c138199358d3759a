/** `system df -v`: each image, container, volume and piece of the build cache. */

import { VOLUME_COLUMNS } from '../commands/volume-ls.ts'
import { containerColumns } from '../containers/summary.ts'
import { imageColumns, imageRows } from '../images/rows.ts'
import { ago } from '../output/durations.ts'
import { type Columns, formatListing } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { shortId } from '../output/text.ts'
import type { CacheEntry, DiskUsage } from './summary.ts'

export async function verboseReport({ Images, Containers, Volumes, BuildCache }: DiskUsage): Promise<string> {
  const images = await formatListing({
    rows: (Images ?? []).flatMap(image => imageRows(image, false).slice(0, 1)),
    columns: imageColumns(true),
    shown: ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'],
    format: '',
  })
  const containers = await formatListing({
    rows: Containers ?? [],
    columns: containerColumns(true),
    shown: ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'],
    format: '',
  })
  const volumes = await formatListing({
    rows: Volumes ?? [],
    columns: VOLUME_COLUMNS,
    shown: ['Name', 'Links', 'Size'],
    format: '',
  })
  const entries = BuildCache ?? []
  const cache = await formatListing({
    rows: entries,
    columns: CACHE_COLUMNS,
    shown: Object.keys(CACHE_COLUMNS),
    format: '',
  })
  const cached = entries.filter(({ Shared }) => !Shared).reduce((total, { Size }) => total + Size, 0)
  return `Images space usage:\n\n${images}\nContainers space usage:\n\n${containers}\nLocal Volumes space usage:\n\n${volumes}\nBuild cache usage: ${humanSize(cached)}\n\n${cache}`
}

const CACHE_COLUMNS: Columns<CacheEntry> = {
  ID: { header: 'CACHE ID', value: ({ ID }) => shortId(ID) },
  Type: { header: 'CACHE TYPE', value: ({ Type }) => Type },
  Size: { header: 'SIZE', value: ({ Size }) => humanSize(Size) },
  Created: { header: 'CREATED', value: ({ CreatedAt }) => since(CreatedAt) },
  LastUsed: { header: 'LAST USED', value: ({ LastUsedAt }) => (LastUsedAt ? since(LastUsedAt) : '') },
  Usage: { header: 'USAGE', value: ({ UsageCount }) => String(UsageCount) },
  Shared: { header: 'SHARED', value: ({ Shared }) => String(Shared) },
}

const since = (iso: string): string => ago(new Date(iso).getTime() / 1000)
