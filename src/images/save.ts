/**
 * `docker save`: one archive that is both an OCI layout (image-layout.md) and what older Docker engines load (manifest.json, and for
 * names `repositories`, as Docker writes it: a layer by repository and tag).
 * Layers are in it uncompressed, as blobs named by their diffID.
 */

import type { LayerStore } from '../snapshots/layers.ts'
import { fromText } from '../snapshots/tar/byte-string.ts'
import { type Entry, padding } from '../snapshots/tar/entry.ts'
import { END_OF_ARCHIVE, encodeEntry } from '../snapshots/tar/writer.ts'
import type { ChainId, Sendable } from '../snapshots/types.ts'
import { digestOf } from './blobs.ts'
import { chainOf, diffIdsOf, type ImageStore, type StoredImage } from './image-store.ts'
import { type Descriptor, type Manifest, MEDIA_TYPE } from './oci.ts'
import { familiarName, familiarRepository, fullName, parseReference } from './references.ts'
import type { Digest, ImageId } from './types.ts'

export interface SavedImage {
  stored: StoredImage
  /** Full names it is saved under; none: it is saved without a name. */
  references: string[]
}

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`

export async function saveImages(store: ImageStore, layers: LayerStore, wanted: SavedImage[]): Promise<Sendable> {
  const release = layers.hold(wanted.flatMap(({ stored }) => chainOf(stored)))
  try {
    return layers.compose(await partsOf(store, layers, mergeSame(wanted)))
  } finally {
    // The stream holds them from here.
    release()
  }
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

type Part = { bytes: Uint8Array } | { chain: ChainId }

/** The archive in order. All but the layers' contents is known before the first byte is sent. */
async function partsOf(store: ImageStore, layers: LayerStore, images: SavedImage[]): Promise<Part[]> {
  const parts: Part[] = [document('oci-layout', { imageLayoutVersion: '1.0.0' })]
  const written = new Set<string>()
  const manifests: Descriptor[] = []
  const dockerManifest: { Config: string; RepoTags: string[] | null; Layers: string[]; Parent?: ImageId }[] = []
  const repositories: Record<string, Record<string, string>> = {}
  const ids = new Set(images.map(({ stored }) => stored.id))
  const blob = (digest: string, bytes: Buffer): void => {
    if (!written.has(digest)) parts.push(file(blobName(digest), bytes))
    written.add(digest)
  }
  for (const { stored, references } of images) {
    const config = await store.blobs.read(stored.id as string as Digest)
    blob(stored.id, config)
    for (const [index, chain] of chainOf(stored).entries()) {
      const diffId = diffIdsOf(stored)[index]!
      if (!written.has(diffId)) parts.push(...layer(blobName(diffId), layers.get(chain).archiveSize, chain))
      written.add(diffId)
    }
    const manifest = Buffer.from(JSON.stringify(manifestOf(stored, config, layers)))
    blob(digestOf(manifest), manifest)
    manifests.push(...descriptorsOf(manifest, references))
    const top = diffIdsOf(stored).at(-1)?.replace('sha256:', '')
    for (const reference of references.map(parseReference)) {
      const repository = familiarRepository(reference)
      if (reference.tag && top) repositories[repository] = { ...repositories[repository], [reference.tag]: top }
    }
    dockerManifest.push({
      Config: blobName(stored.id),
      RepoTags: references.length > 0 ? references.map(name => familiarName(parseReference(name))) : null,
      Layers: diffIdsOf(stored).map(blobName),
      ...(stored.record.parent && ids.has(stored.record.parent) && { Parent: stored.record.parent }),
    })
  }
  if (Object.keys(repositories).length > 0) parts.push(document('repositories', repositories))
  parts.push(document('index.json', { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }))
  parts.push(document('manifest.json', dockerManifest), { bytes: END_OF_ARCHIVE })
  return parts
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

const document = (name: string, value: unknown): Part => file(name, Buffer.from(`${JSON.stringify(value)}\n`))

const file = (name: string, bytes: Buffer): Part => ({
  bytes: Buffer.concat([header(name, bytes.length), bytes, Buffer.alloc(padding(bytes.length))]),
})

const layer = (name: string, size: number, chain: ChainId): Part[] => [
  { bytes: header(name, size) },
  { chain },
  { bytes: Buffer.alloc(padding(size)) },
]

const header = (name: string, size: number): Buffer =>
  encodeEntry({ ...PLAIN, name: fromText(name), storedSize: size, size })

/** At the beginning of time: the same image gives the same archive. */
const PLAIN: Omit<Entry, 'name' | 'storedSize' | 'size'> = {
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  modified: { s: 0, ns: 0 },
  accessed: undefined,
  target: fromText(''),
  major: 0,
  minor: 0,
  xattrs: new Map(),
  extents: undefined,
}
