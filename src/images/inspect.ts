/** What can be told of an image's layers: history, sizes, who shares them. */

import type { Layer } from '../snapshots/layer-records.ts'
import type { LayerStore } from '../snapshots/layers.ts'
import { chainOf, type ImageStore, type StoredImage } from './image-store.ts'
import { historyFromOci } from './oci.ts'
import { familiarName, parseReference } from './references.ts'
import type { ChainId, HistoryEntry, HistoryLine, Image, ImageDiskUsage, ImageId } from './types.ts'

/** Newest first. Ancestors that are images here are named by their ids. */
export function historyOf(store: ImageStore, layers: LayerStore, image: StoredImage): HistoryLine[] {
  const chain = chainOf(image)
  const lines: HistoryLine[] = []
  let layer = 0
  for (const entry of entriesOf(image)) {
    const size = entry.emptyLayer ? 0 : (layers.find(chain[layer++]!)?.size ?? 0)
    lines.push({ ...entry, id: undefined, tags: [], size })
  }
  lines.reverse()
  let current: StoredImage | undefined = image
  let at = 0
  while (current !== undefined && at < lines.length) {
    lines[at]!.id = current.id
    lines[at]!.tags = tagsOf(store, current.id)
    const parent: StoredImage | undefined = current.record.parent && store.find(current.record.parent)
    if (parent !== undefined) at += Math.max(entriesOf(current).length - entriesOf(parent).length, 1)
    current = parent
  }
  return lines
}

export const entriesOf = ({ oci }: StoredImage): HistoryEntry[] => (oci.history ?? []).map(historyFromOci)

const tagsOf = (store: ImageStore, id: ImageId): string[] =>
  store
    .referencesOf(id)
    .map(parseReference)
    .filter(({ digest }) => digest === undefined)
    .map(familiarName)

/** The folders of an image's layers, as Docker names them: the highest is the upper one. `stack`: lowest first. */
export function graphDriverOf(layers: LayerStore, stack: readonly Layer[]): Image['graphDriver'] {
  const [upper, ...lower] = stack.map(layer => layers.treeOf(layer)).reverse()
  if (layers.driver === 'vfs' || upper === undefined) return { name: layers.driver, data: null }
  const data = { ...(lower.length > 0 && { LowerDir: lower.join(':') }), UpperDir: upper }
  return { name: layers.driver, data }
}

export function diskUsage(
  store: ImageStore,
  layers: LayerStore,
  describe: (stored: StoredImage) => Image,
): { layersSize: number; images: ImageDiskUsage[] } {
  const images = store.all().map(stored => ({ stored, names: layerNames(layers, chainOf(stored)) }))
  const users = new Map<string, number>()
  for (const { names } of images) for (const name of names) users.set(name, (users.get(name) ?? 0) + 1)
  const parents = new Set(images.map(({ stored }) => stored.record.parent))
  return {
    layersSize: layers.sizeOf([...users.keys()]),
    // As in the list: what only stands below another image is that one's.
    images: images
      .filter(({ stored }) => !parents.has(stored.id) || store.referencesOf(stored.id).length > 0)
      .map(({ stored, names }) => {
        const shared = [...names].filter(name => users.get(name)! > 1)
        const sharedSize = layers.sizeOf(shared)
        return { image: describe(stored), sharedSize, uniqueSize: layers.sizeOf([...names]) - sharedSize }
      }),
  }
}

const layerNames = (layers: LayerStore, chain: readonly ChainId[]): Set<string> =>
  new Set(chain.map(id => layers.find(id)?.name).filter(name => name !== undefined))

/** Other images with this layer, by a name if they have one. */
export function sharers(store: ImageStore, layers: LayerStore, image: StoredImage, layer: string): string[] {
  return store
    .all()
    .filter(other => other.id !== image.id && layerNames(layers, chainOf(other)).has(layer))
    .map(other => tagsOf(store, other.id)[0] ?? other.id)
}
