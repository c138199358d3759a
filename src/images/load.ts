/**
 * Reads what `docker save` wrote (moby, image/spec: manifest.json) or an OCI layout (image-layout.md), in one pass: layers are
 * unpacked as they go by, before it is known what they belong to. Nothing is kept unless all of it is right.
 */

import { posix } from 'node:path'
import { type ExtractEvents, extract } from 'tar-stream'
import { hasCode, InvalidParameter, NotFound } from '../kernel/errors.ts'
import type { LayerStore, StagedLayer } from '../snapshots/layers.ts'
import { ByteSource } from '../snapshots/tar/byte-source.ts'
import { compressionOf } from '../snapshots/tar/decompress.ts'
import type { WorkerPool } from '../snapshots/worker/pool.ts'
import { isDigest } from './references.ts'
import type { DiffId, Digest, Progress } from './types.ts'

type OuterEntry = ExtractEvents['entry'][1]

/** Configurations, manifests and indexes are kept in memory while the archive is read. */
const LARGEST_DOCUMENT = 4 * 1024 * 1024
const LARGEST_DOCUMENTS = 64 * 1024 * 1024
/** Enough to see any compression's magic number, and tar's. */
const PEEKED = 512

/** A layer as it was found: unpacked, already here (by its digest), or not an archive at all. */
export type FoundLayer = { staged: StagedLayer } | { known: DiffId } | { failure: Error }

export interface ArchiveContents {
  documents: Map<string, Buffer>
  layers: Map<string, FoundLayer>
  /** Old archives have a layer that several images use as a symlink. */
  symlinks: Map<string, string>
}

export class ArchiveReader {
  readonly #layers: LayerStore
  readonly #workers: WorkerPool
  readonly #onProgress: (step: Progress) => void
  readonly #contents: ArchiveContents = { documents: new Map(), layers: new Map(), symlinks: new Map() }
  #documentBytes = 0

  constructor(layers: LayerStore, workers: WorkerPool, onProgress: (step: Progress) => void) {
    this.#layers = layers
    this.#workers = workers
    this.#onProgress = onProgress
  }

  /** On failure all that was unpacked is deleted. Afterwards it is the caller's: see discardRest. */
  async read(archive: AsyncIterable<Uint8Array>): Promise<ArchiveContents> {
    try {
      const outer = extract({})
      const feeding = this.#feed(archive, outer)
      for await (const entry of outer) await this.#entry(entry)
      await feeding
      return this.#contents
    } catch (error) {
      await discardRest(this.#layers, this.#contents)
      throw explained(error)
    }
  }

  async #feed(archive: AsyncIterable<Uint8Array>, outer: ReturnType<typeof extract>): Promise<void> {
    try {
      for await (const chunk of await this.#uncompressed(archive)) {
        if (outer.destroyed) return
        if (!outer.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) await drained(outer)
      }
      outer.end(null)
    } catch (error) {
      outer.destroy(error as Error)
    }
  }

  /** Compressed as a whole: undone in a thread. */
  async #uncompressed(archive: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
    const source = new ByteSource(archive)
    const head = await peek(source)
    if (head.length === 0) throw new InvalidParameter('unexpected EOF')
    if (compressionOf(head) === 'none') return chunksOf(source)
    return this.#workers.stream('decompress', () => ({}), chunksOf(source))
  }

  async #entry(entry: OuterEntry): Promise<void> {
    const { type, linkname, name: rawName, size = 0 } = entry.header
    const name = posix.normalize(rawName)
    if (type === 'symlink' && linkname) this.#contents.symlinks.set(name, posix.join(posix.dirname(name), linkname))
    if (type !== 'file' || size === 0) {
      await skip(new ByteSource(entry as AsyncIterable<Buffer>))
      return
    }
    const source = new ByteSource(entry as AsyncIterable<Buffer>)
    if (isDocument(name, await peek(source))) await this.#document(name, size, source)
    else await this.#layer(name, size, source)
  }

  async #document(name: string, size: number, source: ByteSource): Promise<void> {
    this.#documentBytes += size
    // What is larger is no configuration or manifest; an attestation perhaps, which nothing here needs.
    if (size > LARGEST_DOCUMENT || this.#documentBytes > LARGEST_DOCUMENTS) await skip(source)
    else this.#contents.documents.set(name, (await source.take(size)) ?? Buffer.alloc(0))
  }

  async #layer(name: string, size: number, source: ByteSource): Promise<void> {
    const digest = digestInName(name)
    const id = (digest ?? name).replace(/^sha256:/, '').slice(0, 12)
    // Only uncompressed layers are called by the digest that they are known by here.
    if (digest !== undefined && this.#layers.findPure(digest as string as DiffId)) {
      await skip(source)
      this.#contents.layers.set(name, { known: digest as string as DiffId })
      return
    }
    try {
      const counted = this.#counted(source, id, size)
      const staged = await this.#layers.stage(counted, { storedDigest: digest, storedSize: size })
      this.#contents.layers.set(name, { staged })
    } catch (error) {
      if (!(error instanceof InvalidParameter)) throw error
      // It matters only if a manifest names it.
      this.#contents.layers.set(name, { failure: error })
      await skip(source)
    }
  }

  async *#counted(source: ByteSource, id: string, total: number): AsyncGenerator<Buffer> {
    let current = 0
    let reported = 0
    for await (const chunk of chunksOf(source)) {
      current += chunk.length
      if (current - reported >= total / 64 || current === total) {
        reported = current
        this.#onProgress({ status: 'Loading layer', id, current, total })
      }
      yield chunk
    }
  }
}

/** Deletes what was unpacked and is not part of an image now. */
export async function discardRest(layers: LayerStore, contents: ArchiveContents): Promise<void> {
  for (const found of contents.layers.values()) if ('staged' in found) await layers.discard(found.staged)
}

/** JSON, and small notes beside it; a layer may well begin with the name of a file that begins with a bracket. */
function isDocument(name: string, start: Buffer): boolean {
  if (/(^|\/)(VERSION|repositories|oci-layout)$/.test(name) || name.endsWith('.json')) return true
  return (start[0] === 0x7b || start[0] === 0x5b) && start.toString('latin1', 257, 262) !== 'ustar'
}

/** The first bytes, which stay to be read. */
async function peek(source: ByteSource): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let length = 0; length < PEEKED; length += pieces.at(-1)!.length) {
    const piece = await source.takeSome(Number.MAX_SAFE_INTEGER)
    if (piece === undefined) break
    pieces.push(piece)
  }
  const head = Buffer.concat(pieces)
  source.putBack(head)
  return head
}

/** `blobs/sha256/HEX` */
function digestInName(name: string): Digest | undefined {
  const digest = `sha256:${/^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1] ?? ''}`
  return isDigest(digest) ? digest : undefined
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = await source.takeSome(Number.MAX_SAFE_INTEGER)
    if (chunk === undefined) return
    yield chunk
  }
}

async function skip(source: ByteSource): Promise<void> {
  for await (const _ of chunksOf(source));
}

const drained = (stream: ReturnType<typeof extract>): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })

/** The errors of tar-stream are plain ones, and all mean that the archive is broken. */
function explained(error: unknown): unknown {
  const isOwn = !(error instanceof Error) || hasCode(error, 'ENOSPC', 'EIO') || error instanceof NotFound
  if (isOwn || error.constructor !== Error) return error
  const message = error.message === 'Unexpected end of data' ? 'unexpected EOF' : error.message
  return new InvalidParameter(`invalid archive: ${message}`, { cause: error })
}
