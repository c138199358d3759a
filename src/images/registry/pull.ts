/**
 * `docker pull`: manifest, configuration, layers. A layer is checked, decompressed and unpacked while it comes in; several come at
 * once; they are put on top of each other in their order. What is here already is not fetched.
 */

import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { LayerStore, StagedLayer } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { type Descriptor, decodeImage, decodeJson, type Index, type Manifest } from '../oci.ts'
import type { ChainId, DiffId, Digest, Progress } from '../types.ts'
import type { BlobRecords } from './blob-records.ts'
import { chooseManifest } from './choose-platform.ts'
import { MEDIA_TYPE, type RemoteManifest, type Repository } from './repository.ts'
import type { Transfers } from './transfers.ts'

/** A configuration larger than this is none. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024
const PROGRESS_STEPS = 64

export interface PullContext {
  store: ImageStore
  layers: LayerStore
  records: BlobRecords
  downloads: Transfers
  /** Layers that are on their way for some pull: whoever else wants one waits for it. */
  inFlight: Map<DiffId, Promise<unknown>>
  onProgress: (step: Progress) => void
}

export interface Pulled {
  stored: StoredImage
  /** Of the manifest or index that the name stood for. */
  digest: Digest
}

export interface PullRequest {
  /** For records: 'docker.io/library/busybox'. */
  name: string
  /** A tag or a digest. */
  reference: string
  platform: string | null
  /** Called when the registry has answered: before that another address may be tried. */
  announce(): void
}

export async function pullManifest(
  context: PullContext,
  repository: Repository,
  { name, reference, platform, announce }: PullRequest,
): Promise<Pulled> {
  const named = await repository.manifest(reference)
  announce()
  const manifest = await resolveIndex(repository, named, platform)
  const { config, layers } = decodeJson(manifest.bytes) as Manifest
  if (!config?.digest || !Array.isArray(layers))
    throw new InvalidParameter(`the manifest ${manifest.digest} has no configuration or no layers`)
  const configBytes = await readBlob(repository.blob(config.digest, config.size), config)
  const diffIds = decodeImage(configBytes).rootfs.diff_ids ?? []
  if (diffIds.length !== layers.length)
    throw new InvalidParameter(
      `the manifest ${manifest.digest} names ${layers.length} layers, its configuration ${diffIds.length}`,
    )
  const stored = await context.layers.keeping(async () => {
    await pullLayers(context, repository, layers, diffIds)
    for (const one of new Set([named, manifest])) await context.store.blobs.write(one.bytes)
    return context.store.add(configBytes, { manifests: [...new Set([named.digest, manifest.digest])] })
  })
  await context.records.add(
    layers.map(({ digest, size, mediaType }, i) => [
      diffIds[i] as DiffId,
      { digest, size, mediaType, repository: name },
    ]),
  )
  return { stored, digest: named.digest }
}

async function resolveIndex(
  repository: Repository,
  named: RemoteManifest,
  platform: string | null,
): Promise<RemoteManifest> {
  if (named.mediaType === MEDIA_TYPE.DOCKER_SCHEMA1)
    throw new InvalidParameter(
      'the image has a manifest of schema 1, which is no longer supported: push it again with a current tool',
    )
  if (named.mediaType !== MEDIA_TYPE.OCI_INDEX && named.mediaType !== MEDIA_TYPE.DOCKER_LIST) return named
  const chosen = chooseManifest(decodeJson(named.bytes) as Index, platform)
  return repository.manifest(chosen.digest)
}

async function readBlob(stream: Readable, { digest, size }: Descriptor): Promise<Buffer> {
  if (size > MAX_CONFIG_BYTES) throw new InvalidParameter(`the configuration ${digest} has ${size} bytes: too many`)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  if (actual !== digest) throw new InvalidParameter(`filesystem layer verification failed for digest ${digest}`)
  return bytes
}

async function pullLayers(
  context: PullContext,
  repository: Repository,
  descriptors: readonly Descriptor[],
  diffIds: readonly DiffId[],
): Promise<void> {
  const { layers, onProgress } = context
  for (const { digest } of descriptors) onProgress({ status: 'Pulling fs layer', id: short(digest) })
  const abort = new AbortController()
  const fetched = descriptors.map((descriptor, i) =>
    fetchLayer(context, repository, descriptor, diffIds[i]!, abort.signal),
  )
  // Each is awaited below, in order; one that fails meanwhile must not count as unhandled.
  for (const promise of fetched) promise.catch(() => abort.abort())
  let parent: ChainId | undefined
  try {
    for (const [i, promise] of fetched.entries()) {
      const staged = await promise
      const id = short(descriptors[i]!.digest)
      if (staged) onProgress({ status: 'Extracting', id })
      parent = staged ? await layers.place(staged, parent) : await reuse(layers, diffIds[i]!, parent)
      onProgress({ status: staged ? 'Pull complete' : 'Already exists', id })
    }
  } catch (error) {
    abort.abort()
    for (const result of await Promise.allSettled(fetched))
      if (result.status === 'fulfilled' && result.value) await layers.discard(result.value)
    throw error
  }
}

async function reuse(layers: LayerStore, diffId: DiffId, parent: ChainId | undefined): Promise<ChainId> {
  const chain = await layers.reuse(diffId, parent)
  if (chain === undefined) throw new InvalidParameter(`layer ${diffId} was removed while it was pulled`)
  return chain
}

/** The unpacked layer; null if it is here already, or another pull has brought it meanwhile. */
async function fetchLayer(
  context: PullContext,
  repository: Repository,
  descriptor: Descriptor,
  diffId: DiffId,
  signal: AbortSignal,
): Promise<StagedLayer | null> {
  const { layers, inFlight, downloads } = context
  await inFlight.get(diffId)?.catch(() => {})
  if (isHere(layers, diffId)) return null
  const fetching = downloads.run(() => {
    signal.throwIfAborted()
    return download(context, repository, descriptor, diffId, signal)
  })
  inFlight.set(diffId, fetching)
  try {
    return await fetching
  } finally {
    inFlight.delete(diffId)
  }
}

function isHere(layers: LayerStore, diffId: DiffId): boolean {
  for (const layer of layers.all()) if (layer.diffId === diffId) return true
  return false
}

async function download(
  { layers, onProgress }: PullContext,
  repository: Repository,
  { digest, size, mediaType }: Descriptor,
  diffId: DiffId,
  signal: AbortSignal,
): Promise<StagedLayer> {
  if (mediaType.includes('foreign') || mediaType.includes('nondistributable'))
    throw new InvalidParameter(`layer ${digest} is not distributed by this registry (${mediaType})`)
  const id = short(digest)
  const stream = repository.blob(digest, size)
  signal.addEventListener('abort', () => stream.destroy(), { once: true })
  const counted = reporting(stream, size, current => onProgress({ status: 'Downloading', id, current, total: size }))
  const staged = await layers.stage(counted, { storedDigest: digest, storedSize: size, diffId })
  onProgress({ status: 'Verifying Checksum', id })
  onProgress({ status: 'Download complete', id })
  return staged
}

/** Passes bytes on and tells from time to time how many it were. */
export async function* reporting(
  source: AsyncIterable<Buffer>,
  total: number,
  tell: (current: number) => void,
): AsyncGenerator<Buffer> {
  let current = 0
  let told = 0
  for await (const chunk of source) {
    current += chunk.length
    if (current - told >= total / PROGRESS_STEPS || current === total) {
      told = current
      tell(current)
    }
    yield chunk
  }
}

/** As Docker shows digests of layers: twelve digits. */
export const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12)
