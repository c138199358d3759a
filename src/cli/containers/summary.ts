/** A container in a list, and the columns that can be shown of it. */

import { ago, goTime } from '../output/durations.ts'
import type { Columns } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { ellipsis, pairs, shortId } from '../output/text.ts'
import { type Port, showPorts } from './ports.ts'

export interface ContainerSummary {
  Id: string
  Names: string[] | null
  Image: string
  ImageID: string
  Command: string
  Created: number
  Ports: Port[] | null
  Labels: Record<string, string> | null
  State: string
  Status: string
  SizeRw?: number
  SizeRootFs?: number
  Mounts?: { Type: string; Name?: string; Source: string; Driver?: string }[] | null
  NetworkSettings?: { Networks: Record<string, unknown> | null } | null
}

const SIZE_DIGITS = 3
const COMMAND_LENGTH = 20
const MOUNT_LENGTH = 15

export const containerColumns = (truncate: boolean): Columns<ContainerSummary> => ({
  ID: { header: 'CONTAINER ID', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
  Names: { header: 'NAMES', value: ({ Names }) => names(Names ?? [], truncate) },
  Image: { header: 'IMAGE', value: row => image(row, truncate) },
  Command: {
    header: 'COMMAND',
    value: ({ Command }) => JSON.stringify(truncate ? ellipsis(Command, COMMAND_LENGTH) : Command),
  },
  CreatedAt: { header: 'CREATED AT', value: ({ Created }) => goTime(Created) },
  RunningFor: { header: 'CREATED', value: ({ Created }) => ago(Created) },
  Ports: { header: 'PORTS', value: ({ Ports }) => showPorts(Ports ?? []) },
  State: { header: 'STATE', value: ({ State }) => State },
  Status: { header: 'STATUS', value: ({ Status }) => Status },
  Size: { header: 'SIZE', value: size },
  Labels: { header: 'LABELS', value: ({ Labels }) => pairs(Labels) },
  Mounts: {
    header: 'MOUNTS',
    value: ({ Mounts }) =>
      (Mounts ?? [])
        .map(({ Name, Source }) => (truncate ? ellipsis(Name || Source, MOUNT_LENGTH) : Name || Source))
        .join(','),
  },
  LocalVolumes: {
    header: 'LOCAL VOLUMES',
    value: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
  },
  Networks: {
    header: 'NETWORKS',
    value: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
  },
})

/** Without the slash; the names that other containers' links give it only when nothing is shortened. */
const names = (all: readonly string[], truncate: boolean): string =>
  all
    .map(name => name.replace(/^\//, ''))
    .filter(name => !truncate || !name.includes('/'))
    .join(',')

/** An image without a name is shown by its id, which can be shortened; a name cannot. */
function image({ Image, ImageID }: ContainerSummary, truncate: boolean): string {
  if (Image === '') return '<no image>'
  if (!truncate) return Image
  const id = ImageID.replace(/^sha256:/, '')
  const isId = id !== '' && Image.replace(/^sha256:/, '').length >= 12 && id.startsWith(Image.replace(/^sha256:/, ''))
  return isId ? shortId(Image) : Image.replace(/@sha256:[\da-f]{64}$/, '')
}

function size({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, SIZE_DIGITS)
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, SIZE_DIGITS)})` : own
}
