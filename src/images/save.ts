/**
 * `docker save`: one archive that is both an OCI layout (image-layout.md) and what older Docker engines load (manifest.json).
 * Layers are in it uncompressed, as blobs named by their diffID.
 */

import { Readable } from 'node:stream'
import { type Pack, pack } from 'tar-stream'
import type { LayerStore } from '../snapshots/layers.ts'
import { digestOf } from './blobs.ts'
import { chainOf, diffIdsOf, type ImageStore, type StoredImage } from './image-store.ts'
import { type Descriptor, type Manifest, MEDIA_TYPE } from './oci.ts'
import { familiarName, fullName, parseReference } from './references.ts'
import type { Digest, ImageId } from './types.ts'

export interface SavedImage {
  stored: StoredImage
  /** Full names it is saved under; none: it is saved without a name. */
  references: string[]
}

const EPOCH = new Date(0)

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`

export function saveImages(store: ImageStore, layers: LayerStore, wanted: SavedImage[]): Readable {
  const images = mergeSame(wanted)
  const archive = pack({})
  const writing = writeArchive(archive, store, layers, images)
  writing.catch(error => archive.destroy(error as Error))
  return Readable.from(archive, { objectMode: false })
}

/** The same image under two names is one image with two names. */
function mergeSame(wanted: SavedImage[]): SavedImage[] {
  const images = new Map<string, SavedImage>()
  for (const { stored, references } of wanted) {
    const earlier = images.get(stored.id)
    images.set(stored.id, { stored, references: [...new Set([...(earlier?.references ?? []), ...references])] })
  }
  return [...images.values()]
}

async function writeArchive(archive: Pack, store: ImageStore, layers: LayerStore, images: SavedImage[]): Promise<void> {
  await document(archive, 'oci-layout', { imageLayoutVersion: '1.0.0' })
  const written = new Set<string>()
  const manifests: Descriptor[] = []
  const dockerManifest: { Config: string; RepoTags: string[] | null; Layers: string[]; Parent?: ImageId }[] = []
  const ids = new Set(images.map(({ stored }) => stored.id))
  for (const { stored, references } of images) {
    const config = await store.blobs.read(stored.id as string as Digest)
    await blob(archive, written, stored.id, config)
    for (const [index, chain] of chainOf(stored).entries()) {
      const diffId = diffIdsOf(stored)[index]!
      if (written.has(diffId)) continue
      written.add(diffId)
      await stream(archive, blobName(diffId), layers.get(chain).archiveSize, layers.archive(chain))
    }
    const manifest = Buffer.from(JSON.stringify(manifestOf(stored, config, layers)))
    await blob(archive, written, digestOf(manifest), manifest)
    manifests.push(...descriptorsOf(manifest, references))
    dockerManifest.push({
      Config: blobName(stored.id),
      RepoTags: references.length > 0 ? references.map(name => familiarName(parseReference(name))) : null,
      Layers: diffIdsOf(stored).map(blobName),
      ...(stored.record.parent && ids.has(stored.record.parent) && { Parent: stored.record.parent }),
    })
  }
  await document(archive, 'index.json', { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests })
  await document(archive, 'manifest.json', dockerManifest)
  archive.finalize()
}

const manifestOf = (stored: StoredImage, config: Buffer, layers: LayerStore): Manifest => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPE.manifest,
  config: { mediaType: MEDIA_TYPE.config, digest: stored.id as string as Digest, size: config.length },
  layers: chainOf(stored).map((chain, index) => ({
    mediaType: MEDIA_TYPE.layer,
    digest: diffIdsOf(stored)[index]! as string as Digest,
    size: layers.get(chain).archiveSize,
  })),
})

/** One for each name, as containerd reads them. */
function descriptorsOf(manifest: Buffer, references: string[]): Descriptor[] {
  const descriptor = { mediaType: MEDIA_TYPE.manifest, digest: digestOf(manifest), size: manifest.length }
  if (references.length === 0) return [descriptor]
  return references.map(name => {
    const reference = parseReference(name)
    return {
      ...descriptor,
      annotations: {
        'io.containerd.image.name': fullName(reference),
        'org.opencontainers.image.ref.name': reference.tag ?? familiarName(reference),
      },
    }
  })
}

async function blob(archive: Pack, written: Set<string>, digest: string, bytes: Buffer): Promise<void> {
  if (written.has(digest)) return
  written.add(digest)
  await file(archive, blobName(digest), bytes)
}

const document = (archive: Pack, name: string, value: unknown): Promise<void> =>
  file(archive, name, Buffer.from(`${JSON.stringify(value)}\n`))

const file = (archive: Pack, name: string, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    archive.entry({ name, mode: 0o644, mtime: EPOCH }, bytes, error => (error ? reject(error) : resolve()))
  })

/** Waits whenever the reader of the archive is slower than the layer. */
async function stream(archive: Pack, name: string, size: number, content: Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const header = { name, mode: 0o644, mtime: EPOCH, size }
    const entry = archive.entry(header, error => (error ? reject(error) : resolve()))
    archive.once('close', () => content.destroy())
    content.on('error', reject)
    content.on('data', (chunk: Buffer) => {
      if (entry.write(chunk)) return
      content.pause()
      entry.once('drain', () => content.resume())
    })
    content.on('end', () => entry.end(null))
  })
}
