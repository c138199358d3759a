/** `image tree`: what each step of an image's history left on disk, and what of it a container sees. */

import { join } from 'node:path'
import type { SnapshotRoom } from '../snapshots/service.ts'
import { chainOf, type ImageStore, type StoredImage } from './image-store.ts'
import { entriesOf, sharers } from './inspect.ts'
import type { HistoryEntry, ImageTree, LayerDescription, TreeStep } from './types.ts'

/** The files of all layers are walked through, in a worker thread; not without `withFiles`. */
export async function treeOf(
  store: ImageStore,
  room: SnapshotRoom,
  image: StoredImage,
  { dataRoot, withFiles }: { dataRoot: string; withFiles: boolean },
): Promise<Omit<ImageTree, 'image'>> {
  const { layers, workers } = room
  const chain = chainOf(image)
  const stack = chain.map(id => layers.get(id))
  const files = withFiles
    ? await workers.run('describeLayers', { trees: stack.map(layer => layers.treeOf(layer)) })
    : undefined
  const described = stack.map(
    (layer, index): LayerDescription => ({
      chainId: chain[index]!,
      diffId: layer.diffId,
      name: layer.name,
      path: layers.treeOf(layer),
      size: layer.size,
      files: files?.[index],
      sharedWith: sharers(store, layers, image, layer.name),
    }),
  )
  return { steps: stepsOf(entriesOf(image), described), mount: mountOf(room, dataRoot, chain.at(-1)) }
}

/** Layers that the history says nothing of come last, as the newest. */
function stepsOf(entries: readonly HistoryEntry[], layers: readonly LayerDescription[]): TreeStep[] {
  let next = 0
  const steps = entries.map((entry): TreeStep => ({ ...entry, layer: entry.emptyLayer ? undefined : layers[next++] }))
  const unknown = { created: undefined, createdBy: '', author: '', comment: '', emptyLayer: false }
  return [...steps, ...layers.slice(next).map(layer => ({ ...unknown, layer }))]
}

/** As roots.ts makes a container's root. Where that is a copy, nothing is mounted. */
function mountOf(
  { layers }: SnapshotRoom,
  dataRoot: string,
  top: Parameters<typeof layers.stack>[0],
): ImageTree['mount'] {
  if (layers.driver === 'vfs') return undefined
  const lower = layers.lowerNames(layers.stack(top))
  const root = join(dataRoot, 'roots', 'CONTAINER')
  return {
    folder: layers.treeFolder,
    options: `lowerdir=${lower.join(':')},upperdir=${join(root, 'upper')},workdir=${join(root, 'work')}`,
  }
}
