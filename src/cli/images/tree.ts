/** The layers of an image as text: what made each, what it did to the ones below, and what is hidden of it by those above. */

import { ago } from '../output/durations.ts'
import { humanSize } from '../output/sizes.ts'
import { shortId } from '../output/text.ts'

export interface TreeLayer {
  DiffId: string
  ChainId: string
  Path: string
  Size: number
  Files: { Added: number; Changed: number; Deleted: number; HiddenBytes: number } | null
  SharedWith: string[]
}

export interface TreeStep {
  Created: string | null
  CreatedBy: string
  Comment: string
  Layer: TreeLayer | null
}

export interface ImageTree {
  Id: string
  RepoTags: string[]
  Size: number
  Steps: TreeStep[]
  Mount: { Folder: string; Type: string; Options: string } | null
}

/** From the bottom up, as the layers lie; a step without a layer only changed the configuration. */
export function drawTree({ Id, RepoTags, Size, Steps, Mount }: ImageTree, truncate: boolean): string {
  const layers = Steps.flatMap(({ Layer }) => (Layer ? [Layer] : []))
  const hidden = layers.reduce((sum, { Files }) => sum + (Files?.HiddenBytes ?? 0), 0)
  const names = RepoTags.join(', ') || '<none>'
  const count = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`
  const wasted = hidden > 0 ? `, ${humanSize(hidden)} of it hidden` : ''
  const lines = [`${names}  ${truncate ? shortId(Id) : Id}  ${humanSize(Size)} in ${count}${wasted}`]
  for (const [i, step] of Steps.entries()) {
    const isLast = i === Steps.length - 1
    lines.push(`${isLast ? '└─' : '├─'} ${head(step)}`)
    for (const line of step.Layer ? detailsOf(step.Layer, truncate) : [])
      lines.push(`${isLast ? '  ' : '│ '}           ${line}`)
  }
  return `${[...lines, ...mountLines(Mount)].join('\n')}\n`
}

function head({ Layer, CreatedBy, Comment, Created }: TreeStep): string {
  const size = Layer ? humanSize(Layer.Size).padStart(8) : '      · '
  const when = Created === null ? '' : `  (${ago(Date.parse(Created) / 1000)})`
  return `${size}  ${CreatedBy.trim() || Comment || '<missing>'}${when}`
}

function detailsOf({ DiffId, SharedWith, Files }: TreeLayer, truncate: boolean): string[] {
  const shared = SharedWith.length > 0 ? `, shared with ${SharedWith.map(nameOf).join(', ')}` : ''
  const lines = [`layer ${truncate ? shortId(DiffId) : DiffId}${shared}`]
  if (Files === null) return lines
  const { Added, Changed, Deleted, HiddenBytes } = Files
  const hidden = HiddenBytes > 0 ? `; ${humanSize(HiddenBytes)} hidden by layers above` : ''
  return [...lines, `${Added} added, ${Changed} changed, ${Deleted} deleted${hidden}`]
}

/** A name, or the id of an image that has none. */
const nameOf = (image: string): string => (image.startsWith('sha256:') ? shortId(image) : image)

function mountLines(mount: ImageTree['Mount']): string[] {
  if (mount === null) return ['', 'a container gets a copy of all this: overlay cannot be had here']
  const { Folder, Type, Options } = mount
  return ['', 'a container of it gets this mount:', `  cd ${Folder}`, `  mount -t ${Type} ${Type} -o ${Options} ROOT`]
}

interface Node {
  layer: TreeLayer
  images: string[]
  children: Map<string, Node>
}

/** All images in one tree of their layers: what stands on the same layers shares them. */
export function drawForest(trees: readonly ImageTree[], truncate: boolean): string {
  const roots = new Map<string, Node>()
  const bare: string[] = []
  for (const { Id, RepoTags, Steps } of trees) {
    const names = RepoTags.length > 0 ? RepoTags : [`<none> ${truncate ? shortId(Id) : Id}`]
    let level = roots
    let node: Node | undefined
    for (const { Layer } of Steps) {
      if (Layer === null) continue
      node = level.get(Layer.ChainId) ?? { layer: Layer, images: [], children: new Map() }
      level.set(Layer.ChainId, node)
      level = node.children
    }
    if (node) node.images.push(...names)
    else bare.push(...names)
  }
  const lines = bare.map(name => `${name}  no layers`)
  return [...lines, ...branches(roots, '', truncate)].map(line => `${line}\n`).join('')
}

function branches(level: ReadonlyMap<string, Node>, margin: string, truncate: boolean): string[] {
  const nodes = [...level.values()]
  return nodes.flatMap(({ layer, images, children }, i) => {
    const isLast = i === nodes.length - 1
    const id = truncate ? shortId(layer.DiffId) : layer.DiffId
    const line = `${margin}${isLast ? '└─' : '├─'} ${id}  ${humanSize(layer.Size)}  ${images.join(', ')}`.trimEnd()
    return [line, ...branches(children, `${margin}${isLast ? '   ' : '│  '}`, truncate)]
  })
}
