/**
 * `docker push`: layers that the registry lacks, then the configuration, then the manifest that makes them an image. A layer that the
 * registry has is skipped; one that it has in another repository is mounted from there.
 */

import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import { createGzip } from 'node:zlib'
import { NotFound, Unavailable } from '../../kernel/errors.ts'
import { notePassing } from '../../kernel/passing-memory.ts'
import type { LayerStore } from '../../snapshots/layers.ts'
import { feed } from '../../snapshots/tar/feed.ts'
import { digestOf } from '../blobs.ts'
import { chainOf, diffIdsOf, type ImageStore, type StoredImage } from '../image-store.ts'
import { type Descriptor, type Manifest, MEDIA_TYPE } from '../oci.ts'
import type { ChainId, DiffId, Digest, ImageId, Progress } from '../types.ts'
import type { BlobRecord, BlobRecords } from './blob-records.ts'
import { reporting, short } from './download.ts'
import { RegistryError } from './refusals.ts'
import type { Repository } from './repository.ts'
import { USUAL_TRIES } from './session.ts'
import type { Transfers } from './transfers.ts'

export interface PushContext {
  store: ImageStore
  layers: LayerStore
  records: BlobRecords
  uploads: Transfers
  /** Of those, the ones whose layer is read and compressed. */
  packing: Transfers
  onProgress: (step: Progress) => void
  signal: AbortSignal
}

export interface Pushed {
  digest: Digest
  size: number
}

/** @param target where it goes: registry and path apart, for mounts within one registry */
export async function pushImage(
  context: PushContext,
  repository: Repository,
  target: { domain: string; path: string },
  tag: string,
  stored: StoredImage,
): Promise<Pushed> {
  const release = context.layers.hold(chainOf(stored))
  try {
    return await pushHeld(context, repository, target, tag, stored)
  } finally {
    release()
  }
}

async function pushHeld(
  context: PushContext,
  repository: Repository,
  target: { domain: string; path: string },
  tag: string,
  stored: StoredImage,
): Promise<Pushed> {
  const { store, records, uploads, signal } = context
  const diffIds = diffIdsOf(stored)
  // Now: rmi takes it away while layers are pushed.
  const configBytes = await store.blobs.read(stored.id as string as Digest)
  // The newest first: what is above is what a registry most likely lacks.
  for (const diffId of [...diffIds].reverse()) context.onProgress({ status: 'Preparing', id: short(diffId) })
  const chain = chainOf(stored)
  const pushing = diffIds
    .map((diffId, i) => () => uploads.run(signal, () => pushLayer(context, repository, target, diffId, chain[i]!)))
    .reverse()
    .map(start => start())
  const layers = (await Promise.all(pushing)).reverse()
  const name = `${target.domain}/${target.path}`
  await records.add(
    layers.map(({ digest, size, mediaType }, i) => [diffIds[i]!, { digest, size, mediaType, repository: name }]),
  )
  const config: Descriptor = {
    mediaType: MEDIA_TYPE.dockerConfig,
    digest: stored.id as string as Digest,
    size: configBytes.length,
  }
  if (!(await repository.hasBlob(config.digest)))
    await repository.uploadBlob(
      config.digest,
      config.size,
      () => Readable.from([configBytes]),
      () => {},
    )
  const bytes = encodeManifest(config, layers)
  await repository.putManifest(tag, MEDIA_TYPE.dockerManifest, bytes)
  return { digest: digestOf(bytes), size: bytes.length }
}

/** Byte for byte what Docker writes: the same image has the same digest, whoever has pushed it. */
function encodeManifest(config: Descriptor, layers: readonly Descriptor[]): Buffer {
  const ordered = ({ mediaType, size, digest }: Descriptor): Descriptor => ({ mediaType, size, digest })
  const mediaType = MEDIA_TYPE.dockerManifest
  const manifest: Manifest = { schemaVersion: 2, mediaType, config: ordered(config), layers: layers.map(ordered) }
  return Buffer.from(JSON.stringify(manifest, null, 3))
}

async function pushLayer(
  context: PushContext,
  repository: Repository,
  target: { domain: string; path: string },
  diffId: DiffId,
  chain: ChainId,
): Promise<Descriptor> {
  const { records, onProgress } = context
  const id = short(diffId)
  for (const record of records.of(diffId)) {
    const status = await present(repository, record, target)
    if (status === null) continue
    onProgress({ status, id })
    return asDockerLayer(record)
  }
  const uploaded = await upload(context, repository, diffId, chain)
  onProgress({ status: 'Pushed', id })
  return uploaded
}

/** How a blob that this layer is known by came to be in the repository; null if it is not. */
async function present(
  repository: Repository,
  record: BlobRecord,
  target: { domain: string; path: string },
): Promise<string | null> {
  if (await repository.hasBlob(record.digest)) return 'Layer already exists'
  const from = record.repository.slice(target.domain.length + 1)
  const isSameRegistry = record.repository.startsWith(`${target.domain}/`) && from !== target.path
  return isSameRegistry && (await repository.mountBlob(record.digest, from)) ? `Mounted from ${from}` : null
}

/** In a manifest of Docker's kind all layers are of Docker's kinds. */
const asDockerLayer = ({ digest, size, mediaType }: BlobRecord): Descriptor => ({
  mediaType: mediaType.endsWith('tar')
    ? MEDIA_TYPE.dockerLayer
    : mediaType.endsWith('gzip')
      ? MEDIA_TYPE.dockerLayerGzip
      : mediaType,
  digest,
  size,
})

/** What broke off is begun again: a registry takes up an upload where it stopped only from who knows its bytes. */
async function upload(
  context: PushContext,
  repository: Repository,
  diffId: DiffId,
  chain: ChainId,
): Promise<Descriptor> {
  const { onProgress, signal } = context
  const id = short(diffId)
  for (let attempt = 1; ; attempt++) {
    try {
      return await context.packing.run(signal, () => uploadOnce(context, repository, diffId, chain))
    } catch (error) {
      signal.throwIfAborted()
      if (attempt === USUAL_TRIES || !isPassing(error)) throw error
      await repository.session.pauseBefore(attempt, {
        onRetry: seconds => onProgress({ status: `Retrying in ${seconds} seconds`, id }),
      })
    }
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof Unavailable || (error instanceof RegistryError && (error.status >= 500 || error.status === 429))

/** Compressed on its way: how long it will be and what its digest is, is known at the end. */
async function uploadOnce(
  { layers, onProgress }: PushContext,
  repository: Repository,
  diffId: DiffId,
  chain: ChainId,
): Promise<Descriptor> {
  const total = layers.get(chain).archiveSize
  const archive = reporting(layers.chunks(chain), total, current =>
    onProgress({ status: 'Pushing', id: short(diffId), current, total }),
  )
  const hash = createHash('sha256')
  let size = 0
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      notePassing(chunk.length)
      size += chunk.length
      done(null, chunk)
    },
  })
  const gzip = createGzip({ level: 6 })
  gzip.on('error', error => measured.destroy(error))
  feed(archive, gzip).catch(error => gzip.destroy(error))
  try {
    const digest = await repository.uploadStream(gzip.pipe(measured), () => `sha256:${hash.digest('hex')}` as Digest)
    return { mediaType: MEDIA_TYPE.dockerLayerGzip, digest, size }
  } finally {
    // A refused upload reads no more: the thread that packs the layer would wait for ever, and with it the next push.
    gzip.destroy()
  }
}

/** The registry has it in any case: somebody may have removed it here meanwhile. */
export async function nameIfThere(store: ImageStore, reference: string, id: ImageId): Promise<void> {
  try {
    await store.setReference(reference, id, null)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}
