/** Jobs that make a layer. They work in a staging folder, which the main thread deletes if they fail. */

import { createHash } from 'node:crypto'
import { constants, mkdirSync, renameSync } from 'node:fs'
import { InvalidParameter } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, setTimes } from '../../kernel/files.ts'
import { bytesIn } from '../changes.ts'
import { packTree } from '../pack/tree.ts'
import { readPieces } from '../pieces.ts'
import { TapeWriter } from '../tape.ts'
import { ByteSource, UnexpectedEnd } from '../tar/byte-source.ts'
import { decompress } from '../tar/decompress.ts'
import { TarReader } from '../tar/reader.ts'
import type { DiffId, Digest } from '../types.ts'
import { type LayerContents, LayerUnpacker } from '../unpack/layer.ts'
import { walk } from '../walk.ts'
import { type Output, Receiver } from './streams.ts'
import { sendAll, withFolder } from './tree-jobs.ts'

/** Absolute paths of what a layer consists of. */
export interface LayerFolders {
  /** Its files: what overlay mounts. */
  tree: string
  /** Files that its archive has twice. */
  displaced: string
  tape: string
}

/** What an archive must turn out to be. */
export interface ExpectedArchive {
  storedDigest?: Digest | undefined
  storedSize?: number | undefined
  diffId?: DiffId | undefined
}

export interface UnpackedLayer {
  diffId: DiffId
  /** Of the archive as it came, compressed or not. */
  storedDigest: Digest
  storedSize: number
  /** Bytes of the uncompressed archive. */
  archiveSize: number
  contents: LayerContents
}

/** Unpacks, hashes and verifies an archive in one pass. @throws InvalidParameter, KernelError */
export async function unpackLayerArchive(
  folders: LayerFolders,
  expected: ExpectedArchive,
  input: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<UnpackedLayer> {
  mkdirSync(folders.tree, { mode: 0o755 })
  mkdirSync(folders.displaced, { mode: 0o700 })
  const stored = new Measured(input, expected.storedSize)
  const recycle = input instanceof Receiver ? (chunk: Uint8Array) => input.recycle(chunk) : undefined
  const { compression, content } = await decompress(stored, recycle)
  // The digest of an archive that is not compressed is taken once.
  const archive = compression === 'none' ? stored : new Measured(content)
  const source = new ByteSource(compression === 'none' ? content : archive)
  const { contents, terminated } = await unpack(source, folders)
  const result: UnpackedLayer = {
    diffId: archive.digest() as string as DiffId,
    storedDigest: stored.digest(),
    storedSize: stored.size,
    archiveSize: archive.size,
    contents,
  }
  verify(result, expected)
  // An archive without an end mark may be cut off, unless its digest says that it is all there.
  if (!terminated && expected.diffId === undefined && expected.storedDigest === undefined) throw new UnexpectedEnd()
  return result
}

export interface GivenUpper {
  diffId: DiffId
  archiveSize: number
  /** Bytes of its files. */
  size: number
}

/** Gives an upper folder as a layer's archive, and says what it was. */
export async function giveUpper(upper: string, output: Output): Promise<GivenUpper> {
  const hash = createHash('sha256')
  let archiveSize = 0
  output.show?.(bytes => {
    hash.update(bytes)
    archiveSize += bytes.length
  })
  return withFolder(upper, async folder => {
    await sendAll(packTree(folder, { asLayer: true }), output)
    return { diffId: `sha256:${hash.digest('hex')}` as DiffId, archiveSize, size: bytesIn(folder) }
  })
}

/** Unpacks an archive that somebody else verifies. */
export async function takeLayer(folders: LayerFolders, input: Receiver): Promise<LayerContents> {
  mkdirSync(folders.tree, { mode: 0o755 })
  mkdirSync(folders.displaced, { mode: 0o700 })
  const { contents } = await unpack(new ByteSource(input, chunk => input.recycle(chunk)), folders)
  return contents
}

/**
 * An upper folder becomes a layer as it stands: its archive is read once for its digest and its tape, and the folder itself is
 * moved. Nobody may use it any more. `latest`: no file is younger than this, in seconds since the epoch.
 */
export async function adoptUpper(upper: string, folders: LayerFolders, latest: number | null): Promise<UnpackedLayer> {
  mkdirSync(folders.displaced, { mode: 0o700 })
  const tape = new TapeWriter(folders.tape)
  const tree = openFolder(upper)
  const hash = createHash('sha256')
  let archiveSize = 0
  try {
    if (latest !== null) makeOlder(tree, latest)
    for (const chunk of readPieces(packTree(tree, { asLayer: true, recorder: tape }))) {
      hash.update(chunk)
      archiveSize += chunk.length
      await tape.settle()
    }
    await tape.finish()
    const size = bytesIn(tree)
    renameSync(upper, folders.tree)
    const digest = `sha256:${hash.digest('hex')}`
    return {
      diffId: digest as DiffId,
      storedDigest: digest as Digest,
      storedSize: archiveSize,
      archiveSize,
      contents: { size, hasRoot: false, implicitFolders: [], foreignLinks: [], displaced: {} },
    }
  } catch (error) {
    tape.abandon()
    throw error
  } finally {
    close(tree)
  }
}

function makeOlder(tree: number, latest: number): void {
  const moment = { s: latest, ns: 0 }
  for (const { folder, name, status } of walk(tree)) {
    const { s, ns } = status.modified
    if (s > latest || (s === latest && ns > 0)) setTimes(folder, name, moment, moment)
  }
}

async function unpack(
  source: ByteSource,
  folders: LayerFolders,
): Promise<{ contents: LayerContents; terminated: boolean }> {
  const tree = openFolder(folders.tree)
  const displaced = openFolder(folders.displaced)
  const tape = new TapeWriter(folders.tape)
  try {
    const reader = new TarReader(source, bytes => tape.raw(bytes))
    const contents = await new LayerUnpacker(reader, tape, tree, displaced).unpack()
    await tape.finish()
    return { contents, terminated: reader.terminated }
  } catch (error) {
    tape.abandon()
    await source.close()
    throw error
  } finally {
    close(tree)
    close(displaced)
  }
}

function verify(layer: UnpackedLayer, expected: ExpectedArchive): void {
  if (expected.storedSize !== undefined && layer.storedSize !== expected.storedSize) {
    throw new InvalidParameter(`layer has ${layer.storedSize} bytes in place of ${expected.storedSize}`)
  }
  if (expected.storedDigest !== undefined && layer.storedDigest !== expected.storedDigest) {
    throw new InvalidParameter(`filesystem layer verification failed for digest ${expected.storedDigest}`)
  }
  if (expected.diffId !== undefined && layer.diffId !== expected.diffId) {
    throw new InvalidParameter(`invalid diffID: expected "${expected.diffId}", got "${layer.diffId}"`)
  }
}

/** A stream that is counted and hashed as it is read. */
class Measured implements AsyncIterable<Uint8Array> {
  readonly #source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  readonly #limit: number
  readonly #hash = createHash('sha256')
  #digest: Digest | undefined
  size = 0

  constructor(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, limit = Number.POSITIVE_INFINITY) {
    this.#source = source
    this.#limit = limit
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.size += chunk.length
      if (this.size > this.#limit) throw new InvalidParameter(`layer is larger than the ${this.#limit} bytes announced`)
      this.#hash.update(chunk)
      yield chunk
    }
  }

  digest(): Digest {
    this.#digest ??= `sha256:${this.#hash.digest('hex')}` as Digest
    return this.#digest
  }
}

const openFolder = (path: string): number => openat2(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY, 0)
