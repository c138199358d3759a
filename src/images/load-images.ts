/** `docker load`: from the contents of an archive to images in the store. */

import { InvalidParameter } from '../kernel/errors.ts'
import type { LayerStore } from '../snapshots/layers.ts'
import type { SnapshotRoom } from '../snapshots/service.ts'
import type { ImageStore, StoredImage } from './image-store.ts'
import { type ArchiveContents, ArchiveReader, discardRest } from './load.ts'
import { type DescribedImage, describedImages } from './manifests.ts'
import { decodeImage } from './oci.ts'
import { parseReference } from './references.ts'
import type { ChainId, DiffId, Progress } from './types.ts'

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
      const loaded: LoadedImage[] = []
      for (const image of described) loaded.push(await keep(store, layers, image, contents))
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

function diffIdOf({ layers }: ArchiveContents, name: string): DiffId {
  const found = layers.get(name)
  if (found === undefined) throw new InvalidParameter(`open ${name}: no such file or directory`)
  if ('failure' in found) throw found.failure
  return 'known' in found ? found.known : found.staged.diffId
}

async function keep(
  store: ImageStore,
  layers: LayerStore,
  { config, layers: names, names: references, manifest }: DescribedImage,
  contents: ArchiveContents,
): Promise<LoadedImage> {
  let top: ChainId | undefined
  for (const name of names) top = await keepLayer(layers, contents, name, top)
  const { stored } = await store.add({ config, documents: manifest === undefined ? [] : [manifest] })
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
