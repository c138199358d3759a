/** One layer's way from the registry to its unpacked files: resumed where an earlier pull broke off, shared with other pulls. */

import { hasCode, InvalidParameter, KernelError } from '../../kernel/errors.ts'
import type { LayerStore, StagedLayer } from '../../snapshots/layers.ts'
import type { Descriptor } from '../oci.ts'
import type { DiffId, Progress } from '../types.ts'
import type { PartialBlob, PartialBlobs } from './partial-blobs.ts'
import type { Repository } from './repository.ts'
import type { Claim, DownloadStep, SharedDownloads } from './shared-downloads.ts'
import type { Transfers } from './transfers.ts'

const PROGRESS_STEPS = 64

/** Of the whole daemon. */
export interface Downloads {
  transfers: Transfers
  shared: SharedDownloads
  partials: PartialBlobs
}

export interface DownloadJob {
  layers: LayerStore
  downloads: Downloads
  repository: Repository
  onProgress: (step: Progress) => void
  signal: AbortSignal
}

/** A claim on the unpacked layer, to be released; null if it is in the store already. */
export async function fetchLayer(job: DownloadJob, descriptor: Descriptor, diffId: DiffId): Promise<Claim | null> {
  const { layers, downloads, onProgress, signal } = job
  const id = short(descriptor.digest)
  for (;;) {
    signal.throwIfAborted()
    if (isHere(layers, diffId)) return null
    const start = (tell: (step: DownloadStep) => void) => download(job, descriptor, diffId, tell)
    const claim = downloads.shared.claim(descriptor.digest, start, step => onProgress({ ...step, id }))
    try {
      const staged = await unlessAborted(claim.staged, signal)
      // Whoever began the download may have been told something else of the same bytes.
      if (staged.diffId !== diffId)
        throw new InvalidParameter(`invalid diffID: expected "${diffId}", got "${staged.diffId}"`)
      return claim
    } catch (error) {
      await claim.release()
      const isTheirs = !claim.isFirst && !signal.aborted && !(error instanceof InvalidParameter)
      // The pull that we waited for broke off: it is ours to go on.
      if (!isTheirs) throw error
    }
  }
}

export function isHere(layers: LayerStore, diffId: DiffId): boolean {
  for (const layer of layers.all()) if (layer.diffId === diffId) return true
  return false
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

async function download(
  job: DownloadJob,
  descriptor: Descriptor,
  diffId: DiffId,
  tell: (step: DownloadStep) => void,
): Promise<StagedLayer> {
  const { transfers, partials } = job.downloads
  if (transfers.isFull) queueMicrotask(() => tell({ status: 'Waiting' }))
  return transfers.run(job.signal, async () => {
    const partial = await partials.open(descriptor.digest, descriptor.size)
    try {
      const staged = await transfer(job, descriptor, diffId, partial, tell)
      await partial.remove()
      return staged
    } catch (error) {
      if (isWorthKeeping(error)) {
        await partial.close()
        throw error
      }
      await partial.remove()
      // What an earlier pull left may be at fault: once more, from the beginning.
      if (partial.length === 0 || !(error instanceof InvalidParameter)) throw error
    }
    const afresh = await partials.open(descriptor.digest, descriptor.size)
    try {
      return await transfer(job, descriptor, diffId, afresh, tell)
    } finally {
      await afresh.remove()
    }
  })
}

/** Wrong bytes stay wrong; and where the disk is full, what has come is in the way. */
const isWorthKeeping = (error: unknown): boolean =>
  !(error instanceof InvalidParameter || error instanceof KernelError || hasCode(error, 'ENOSPC', 'EDQUOT'))

async function transfer(
  { layers, repository, signal }: DownloadJob,
  { digest, size }: Descriptor,
  diffId: DiffId,
  partial: PartialBlob,
  tell: (step: DownloadStep) => void,
): Promise<StagedLayer> {
  const onRetry = (seconds: number): void =>
    tell({ status: `Retrying in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}` })
  async function* bytes(): AsyncGenerator<Buffer> {
    yield* partial.read()
    for await (const chunk of repository.blob(digest, size, { offset: partial.length, signal, onRetry })) {
      await partial.append(chunk)
      yield chunk
    }
  }
  const counted = reporting(bytes(), size, current => tell({ status: 'Downloading', current, total: size }))
  const staged = await layers.stage(counted, { storedDigest: digest, storedSize: size, diffId }).catch(explain)
  tell({ status: 'Verifying Checksum' })
  tell({ status: 'Download complete' })
  return staged
}

/** What goes wrong in an archive is told as Docker tells it; what names the digest says enough. */
function explain(error: unknown): never {
  if (!(error instanceof InvalidParameter) || /digest|diffID|bytes/.test(error.message)) throw error
  throw new InvalidParameter(`failed to register layer: ${error.message}`, { cause: error })
}

/** Passes bytes on and tells from time to time how many it were. */
export async function* reporting<T extends Uint8Array>(
  source: AsyncIterable<T>,
  total: number,
  tell: (current: number) => void,
): AsyncGenerator<T> {
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
