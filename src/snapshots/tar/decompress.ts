/**
 * Undoes the compression of a stream, whichever its first bytes show: gzip (RFC 1952), zstd (RFC 8878), bzip2, xz, or none.
 * gzip runs on libuv's threads, the rest on the calling thread. Node's own zstd (22.15) reads only the first of several frames.
 * A chunk is to be used before the next one is asked for.
 */

import { PassThrough, pipeline, Readable } from 'node:stream'
import zlib from 'node:zlib'
import { InvalidParameter } from '../../kernel/errors.ts'
import { decompressZstd } from '../../kernel/zstd.ts'
import { ByteSource } from './byte-source.ts'
import { feed } from './feed.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz'

const MAGIC: [Compression, Buffer][] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['bzip2', Buffer.from('BZh')],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
]
const LONGEST_MAGIC = 6
const CHUNK = 256 * 1024
/** Each in memory of its own, which waits to be collected: see passing-memory.ts. */
const GUNZIPPED = 128 * 1024

export const compressionOf = (start: Buffer): Compression =>
  MAGIC.find(([, magic]) => start.subarray(0, magic.length).equals(magic))?.[0] ?? 'none'

/**
 * `onSpent` gets each chunk of the source back when it has been read.
 * @throws InvalidParameter from the stream, if the compressed data is broken or ends early
 */
export async function decompress(
  source: AsyncIterable<Uint8Array>,
  onSpent?: (chunk: Uint8Array) => void,
): Promise<{ compression: Compression; content: AsyncIterable<Uint8Array> }> {
  const input = new ByteSource(source, onSpent)
  const start: Buffer[] = []
  for (let length = 0; length < LONGEST_MAGIC; length += start.at(-1)!.length) {
    const piece = await input.takeSome(CHUNK)
    if (piece === undefined) break
    start.push(piece)
  }
  const head = Buffer.concat(start)
  input.putBack(head)
  const compression = compressionOf(head)
  if (compression === 'none') return { compression, content: allOf(input) }
  return { compression, content: decoded(input, compression) }
}

/** Tells broken data from a source that failed: an error of the source passes as it is. */
async function* decoded(input: ByteSource, compression: Exclude<Compression, 'none'>): AsyncGenerator<Uint8Array> {
  let sourceError: unknown
  async function* stored(): AsyncGenerator<Buffer> {
    try {
      yield* allOf(input)
    } catch (error) {
      sourceError = error
      throw error
    }
  }
  try {
    yield* DECODERS[compression](stored())
  } catch (error) {
    if (sourceError !== undefined) throw sourceError
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvalidParameter(`broken ${compression} data: ${reason}`, { cause: error })
  }
}

async function* allOf(input: ByteSource): AsyncGenerator<Buffer> {
  try {
    for (let chunk = await input.takeSome(CHUNK); chunk !== undefined; chunk = await input.takeSome(CHUNK)) yield chunk
  } finally {
    await input.close()
  }
}

const DECODERS: Record<Exclude<Compression, 'none'>, (stored: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array>> = {
  gzip: gunzip,
  zstd: decompressZstd,
  bzip2: stored => portableBzip2(stored),
  xz: stored => portableXz(stored),
}

/** Takes the next chunk when the one before has been read: its memory may be used again then. */
async function* gunzip(stored: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const decoder = zlib.createGunzip({ chunkSize: GUNZIPPED })
  feed(stored, decoder).catch(error => decoder.destroy(error))
  yield* decoder
}

function through(stored: AsyncIterable<Buffer>, decoder: NodeJS.ReadWriteStream): AsyncIterable<Uint8Array> {
  const decoded = new PassThrough({ highWaterMark: CHUNK })
  // The failure reaches the reader as the destruction of `decoded`.
  pipeline(Readable.from(stored), decoder, decoded, () => {})
  return decoded
}

// The rare two are loaded when they are needed: every thread would pay for them.

async function* portableBzip2(stored: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const { default: unbzip2 } = await import('unbzip2-stream')
  yield* through(stored, unbzip2())
}

async function* portableXz(stored: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const { default: xz } = await import('xz-decompress')
  const web = Readable.toWeb(Readable.from(stored)) as ReadableStream<Uint8Array>
  const reader = new xz.XzReadableStream(web).getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
}
