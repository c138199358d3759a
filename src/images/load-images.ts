/** `docker load`: from the contents of an archive to images in the store. */

import { InvalidParameter } from '../kernel/errors.ts'
import type { LayerStore } from '../snapshots/layers.ts'
import type { SnapshotRoom } from '../snapshots/service.ts'
import { digestOf } from './blobs.ts'
import type { ImageStore, StoredImage } from './image-store.ts'
import { type ArchiveContents, ArchiveReader, discardRest } from './load.ts'
import { type DescribedImage, describedImages } from './manifests.ts'
import { decodeImage, type OciImage } from './oci.ts'
import { parseReference } from './references.ts'
import type { ChainId, DiffId, ImageId, Progress } from './types.ts'

export interface LoadedImage {
  stored: StoredImage
  /** Names to give it. */
  names: string[]
}

/** @throws InvalidParameter, and nothing stays of the archive */
export async function loadImages(
  store: ImageStore,
  { layers, workers }: SnapshotRoom,
  archive: AsyncIterable<Uint8Array>,
  onProgress: (step: Progress) => void,
): Promise<LoadedImage[]> {
  return layers.keeping(async () => {
    const contents = await new ArchiveReader(layers, workers, onProgress).read(archive)
    try {
      const described = describedImages(contents)
      // All are checked before the first is kept.
      for (const image of described) verify(image, contents)
      const parents = parentsIn(described)
      const loaded: LoadedImage[] = []
      for (const image of described)
        loaded.push(await keep(store, layers, { ...image, parent: parents.get(image) }, contents))
      return loaded
    } finally {
      await discardRest(layers, contents)
    }
  })
}

function verify({ config, layers, names }: DescribedImage, contents: ArchiveContents): void {
  const { os, rootfs } = decodeImage(config)
  if (os !== undefined && os !== '' && os !== 'linux') throw new InvalidParameter(`cannot load ${os} image on linux`)
  for (const name of names) parseReference(name)
  const diffIds = rootfs.diff_ids ?? []
  if (diffIds.length !== layers.length) {
    throw new InvalidParameter(
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layers.length}`,
    )
  }
  for (const [index, name] of layers.entries()) {
    const actual = diffIdOf(contents, name)
    if (actual !== diffIds[index]) {
      throw new InvalidParameter(`invalid diffID for layer ${index}: expected "${diffIds[index]}", got "${actual}"`)
    }
  }
}

/** Which of an archive's images are built upon which others of it. @throws InvalidParameter if one cannot be */
function parentsIn(images: readonly DescribedImage[]): Map<DescribedImage, ImageId> {
  const byId = new Map(images.map(image => [digestOf(image.config) as string, decodeImage(image.config)]))
  const parents = new Map<DescribedImage, ImageId>()
  for (const image of images) {
    const parent = image.parent && byId.get(image.parent)
    if (!parent || !image.parent) continue
    if (!isBuiltUpon(decodeImage(image.config), parent))
      throw new InvalidParameter(`image ${image.parent} is not a valid parent for ${digestOf(image.config)}`)
    parents.set(image, image.parent)
  }
  return parents
}

function isBuiltUpon(child: OciImage, parent: OciImage): boolean {
  const [own, below] = [child.rootfs.diff_ids ?? [], parent.rootfs.diff_ids ?? []]
  const isLonger = (child.history ?? []).length > (parent.history ?? []).length
  return isLonger && below.every((diffId, i) => own[i] === diffId)
}

function diffIdOf({ layers }: ArchiveContents, name: string): DiffId {
  const found = layers.get(name)
  if (found === undefined) throw new InvalidParameter(`open ${name}: no such file or directory`)
  if ('failure' in found) throw found.failure
  return 'known' in found ? found.known : found.staged.diffId
}

type Kept = Omit<DescribedImage, 'parent'> & { parent: ImageId | undefined }

async function keep(
  store: ImageStore,
  layers: LayerStore,
  { config, layers: names, names: references, manifest, parent }: Kept,
  contents: ArchiveContents,
): Promise<LoadedImage> {
  let top: ChainId | undefined
  for (const name of names) top = await keepLayer(layers, contents, name, top)
  const { stored } = await store.add({
    config,
    record: parent ? { parent } : {},
    documents: manifest === undefined ? [] : [manifest],
  })
  return { stored, names: references }
}

async function keepLayer(
  layers: LayerStore,
  contents: ArchiveContents,
  name: string,
  parent: ChainId | undefined,
): Promise<ChainId> {
  const found = contents.layers.get(name)!
  if ('failure' in found) throw found.failure
  if ('known' in found) {
    const chain = await layers.reuse(found.known, parent)
    if (chain === undefined) throw new InvalidParameter(`layer ${found.known} was removed while it was loaded`)
    return chain
  }
  const { staged } = found
  const chain = await layers.place(staged, parent)
  // From here on it is in the store, for this image and for others in the same archive.
  contents.layers.set(name, { known: staged.diffId })
  return chain
}
