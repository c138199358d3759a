/** How images are listed: a line for each name, and one for an image without any. */

import { ago, goTime } from '../output/durations.ts'
import type { Columns } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { shortId } from '../output/text.ts'

export interface ImageSummary {
  Id: string
  RepoTags: string[] | null
  RepoDigests: string[] | null
  Created: number
  Size: number
  SharedSize: number
  Containers: number
  Labels?: Record<string, string> | null
}

export interface ImageRow extends ImageSummary {
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

const NONE = '<none>'
const SIZE_DIGITS = 3

export function imageRows(image: ImageSummary, digests: boolean): ImageRow[] {
  const row = (repository: string, tag: string, digest: string): ImageRow => ({ ...image, repository, tag, digest })
  const tags = (image.RepoTags ?? []).filter(name => name !== `${NONE}:${NONE}`)
  const known = (image.RepoDigests ?? []).filter(name => name !== `${NONE}@${NONE}`)
  if (tags.length === 0 && known.length === 0) return [row(NONE, NONE, NONE)]
  const digestsOf = (repository: string) =>
    known.filter(name => name.startsWith(`${repository}@`)).map(name => name.slice(repository.length + 1))
  const rows = tags.flatMap(name => {
    const colon = name.lastIndexOf(':')
    const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)]
    const own = digestsOf(repository)
    return digests && own.length > 0 ? own.map(digest => row(repository, tag, digest)) : [row(repository, tag, NONE)]
  })
  const tagged = new Set(rows.map(({ repository }) => repository))
  const untagged = new Set(known.map(name => name.split('@', 1)[0] ?? '').filter(name => !tagged.has(name)))
  for (const repository of untagged) {
    const own = digests ? digestsOf(repository) : [NONE]
    rows.push(...own.map(digest => row(repository, NONE, digest)))
  }
  return rows
}

const counted = (value: number, show: (value: number) => string): string => (value === -1 ? 'N/A' : show(value))

export const imageColumns = (truncate: boolean): Columns<ImageRow> => ({
  ID: { header: 'IMAGE ID', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
  Repository: { header: 'REPOSITORY', value: ({ repository }) => repository },
  Tag: { header: 'TAG', value: ({ tag }) => tag },
  Digest: { header: 'DIGEST', value: ({ digest }) => digest },
  CreatedSince: { header: 'CREATED', value: ({ Created }) => ago(Created) },
  CreatedAt: { header: 'CREATED AT', value: ({ Created }) => goTime(Created) },
  Size: { header: 'SIZE', value: ({ Size }) => humanSize(Size, SIZE_DIGITS) },
  Containers: { header: 'CONTAINERS', value: ({ Containers }) => counted(Containers, String) },
  VirtualSize: { header: 'VIRTUAL SIZE', value: ({ Size }) => humanSize(Size) },
  SharedSize: { header: 'SHARED SIZE', value: ({ SharedSize }) => counted(SharedSize, size => humanSize(size)) },
  UniqueSize: {
    header: 'UNIQUE SIZE',
    value: ({ Size, SharedSize }) => (SharedSize === -1 ? 'N/A' : humanSize(Size - SharedSize)),
  },
})
