/**
 * `docker pull`: manifest, configuration, layers. A layer is checked, decompressed and unpacked while it comes in; several come at
 * once; they are put on top of each other in their order. What is here already is not fetched.
 */

import type { LayerStore } from '../../snapshots/layers.ts'
import { digestOf } from '../blobs.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import type { Descriptor } from '../oci.ts'
import type { ChainId, DiffId, Digest, ImageId, Progress } from '../types.ts'
import type { BlobRecords } from './blob-records.ts'
import { type Downloads, fetchLayer, isHere, short } from './download.ts'
import { type RemoteImage, readImage } from './remote-image.ts'
import type { Repository } from './repository.ts'
import type { Claim } from './shared-downloads.ts'

export interface PullContext {
  store: ImageStore
  layers: LayerStore
  records: BlobRecords
  downloads: Downloads
  onProgress: (step: Progress) => void
  signal: AbortSignal
}

export interface Pulled {
  stored: StoredImage
  /** Of the manifest or index that the name stood for. */
  digest: Digest
  /** Whether a name stands for another image now, or for one at all. */
  isNew: boolean
}

export interface PullRequest {
  /** For records: 'docker.io/library/busybox'. */
  name: string
  /** A tag or a digest. */
  reference: string
  platform: string | null
  /** Called when the registry has answered: before that another address may be tried. */
  announce(): void
  /** Full references that shall stand for the image; the first is the user's. */
  references(digest: Digest): string[]
}

export async function pullImage(
  context: PullContext,
  repository: Repository,
  { name, reference, platform, announce, references }: PullRequest,
): Promise<Pulled> {
  const { store, layers, records } = context
  const named = await repository.manifest(reference)
  announce()
  const image = await readImage(repository, named, platform)
  const wanted = references(named.digest)
  const pulled = await layers.keeping(async () => {
    const isKnown = store.find(digestOf(image.configBytes) as string as ImageId) !== undefined
    await pullLayers(context, repository, image, isKnown)
    const documents = image.documents.map(({ bytes }) => bytes)
    return store.add({ config: image.configBytes, documents, references: wanted })
  })
  await records.add(
    image.layers.map(({ digest, size, mediaType }, i) => [
      image.diffIds[i]!,
      { digest, size, mediaType, repository: name },
    ]),
  )
  return { stored: pulled.stored, digest: named.digest, isNew: pulled.renamed.includes(wanted[0]!) }
}

async function pullLayers(
  context: PullContext,
  repository: Repository,
  { layers: descriptors, diffIds }: RemoteImage,
  isKnown: boolean,
): Promise<void> {
  const { layers, downloads, onProgress } = context
  // Where nothing is to be done, nothing is told.
  const isNews = diffIds.some(diffId => !isHere(layers, diffId)) || !isKnown
  for (const [i, { digest }] of isNews ? descriptors.entries() : []) {
    const status = isHere(layers, diffIds[i]!) ? 'Already exists' : 'Pulling fs layer'
    onProgress({ status, id: short(digest) })
  }
  const abort = new AbortController()
  const job = { layers, downloads, repository, onProgress, signal: AbortSignal.any([abort.signal, context.signal]) }
  const fetched = descriptors.map((descriptor, i) => fetchLayer(job, descriptor, diffIds[i]!))
  // Each is awaited below, in order; one that fails meanwhile must not count as unhandled.
  for (const promise of fetched) promise.catch(error => abort.abort(error))
  try {
    let parent: ChainId | undefined
    for (const [i, promise] of fetched.entries()) {
      const claim = await firstFailure(promise, job.signal)
      parent = await putOnTop(context, claim, descriptors[i]!, diffIds[i]!, parent)
    }
  } catch (error) {
    abort.abort(error)
    throw error
  } finally {
    for (const result of await Promise.allSettled(fetched))
      if (result.status === 'fulfilled') await result.value?.release()
  }
}

/** A layer further up may have failed while this one is still coming. */
async function firstFailure<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const value = await promise
  signal.throwIfAborted()
  return value
}

async function putOnTop(
  { layers, onProgress }: PullContext,
  claim: Claim | null,
  { digest, size }: Descriptor,
  diffId: DiffId,
  parent: ChainId | undefined,
): Promise<ChainId> {
  if (claim === null) {
    const chain = await layers.reuse(diffId, parent)
    if (chain === undefined) throw new Error(`layer ${diffId} was removed while it was pulled`)
    return chain
  }
  const id = short(digest)
  onProgress({ status: 'Extracting', id, current: size, total: size })
  const chain = await claim.place(parent)
  onProgress({ status: 'Pull complete', id })
  return chain
}
