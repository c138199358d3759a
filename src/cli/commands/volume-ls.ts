/** skiff volume ls: the volumes there are. */

import { filtersParameter } from '../../client/engine.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { pairs } from '../output/text.ts'
import { bool, filter } from '../parse/flag.ts'

export interface Volume {
  Name: string
  Driver: string
  Mountpoint: string
  Scope: string
  Labels: Record<string, string> | null
  UsageData?: { Size: number; RefCount: number } | null
}

const NOT_KNOWN = { value: () => 'N/A' }

export const VOLUME_COLUMNS: Columns<Volume> = {
  Name: { header: 'VOLUME NAME', value: ({ Name }) => Name },
  Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
  Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
  Mountpoint: { header: 'MOUNTPOINT', value: ({ Mountpoint }) => Mountpoint },
  Labels: { header: 'LABELS', value: ({ Labels }) => pairs(Labels) },
  Links: { header: 'LINKS', value: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A') },
  Size: { header: 'SIZE', value: ({ UsageData }) => (UsageData ? humanSize(UsageData.Size) : 'N/A') },
  // Of cluster volumes, which only a swarm has.
  Group: { header: 'GROUP', ...NOT_KNOWN },
  Availability: { header: 'AVAILABILITY', ...NOT_KNOWN },
  Status: { header: 'STATUS', ...NOT_KNOWN },
}

export const listVolumes = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    cluster: bool('Show only cluster volumes (refused)'),
    filter: filter('Show only volumes with this property: dangling=true', { short: 'f' }),
    format: formatFlag(),
    quiet: bool('Show only names', { short: 'q' }),
  },
  async run({ session, engine, options }) {
    if (options.cluster)
      throw new CommandError('--cluster is not supported by skiff: cluster volumes belong to a swarm')
    const { Volumes } = await engine.get<{ Volumes: Volume[] | null }>('/volumes', {
      filters: filtersParameter(options.filter),
    })
    const rows = [...(Volumes ?? [])].sort((a, b) => a.Name.localeCompare(b.Name, 'en', { numeric: true }))
    await printListing(session, {
      rows,
      columns: VOLUME_COLUMNS,
      shown: ['Driver', 'Name'],
      format: options.format,
      quiet: options.quiet ? 'Name' : undefined,
    })
  },
})
