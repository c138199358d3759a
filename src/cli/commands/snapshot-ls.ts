/** skiff snapshot ls: the snapshots there are. */

import { command } from '../command.ts'
import { ago } from '../output/durations.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { bool } from '../parse/flag.ts'

export interface Snapshot {
  Name: string
  Created: string
  ContainerName: string
  Image: string
  Parent: string | null
  Size: number
  Volumes: { Name: string; Destination: string }[]
  UsedBy: { Kind: string; Name: string }[]
}

const COLUMNS: Columns<Snapshot> = {
  Name: { header: 'SNAPSHOT', value: ({ Name }) => Name },
  Container: { header: 'CONTAINER', value: ({ ContainerName }) => ContainerName },
  Image: { header: 'IMAGE', value: ({ Image }) => Image },
  CreatedSince: { header: 'CREATED', value: ({ Created }) => ago(Date.parse(Created) / 1000) },
  CreatedAt: { header: 'CREATED AT', value: ({ Created }) => Created },
  Parent: { header: 'PARENT', value: ({ Parent }) => Parent ?? '' },
  Volumes: { header: 'VOLUMES', value: ({ Volumes }) => Volumes.map(({ Destination }) => Destination).join(',') },
  UsedBy: { header: 'USED BY', value: ({ UsedBy }) => UsedBy.map(({ Name }) => Name).join(',') },
  Size: { header: 'SIZE', value: ({ Size }) => humanSize(Size) },
}

export const listSnapshots = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    format: formatFlag(),
    quiet: bool('Show only names', { short: 'q' }),
  },
  async run({ session, engine, options }) {
    await printListing(session, {
      rows: await engine.get<Snapshot[]>('/snapshots'),
      columns: COLUMNS,
      shown: ['Name', 'Container', 'Image', 'CreatedSince', 'UsedBy', 'Size'],
      format: options.format,
      quiet: options.quiet ? 'Name' : undefined,
    })
  },
})
