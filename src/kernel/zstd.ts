/**
 * Zstandard decompression through libzstd, zstd.h "Streaming decompression".
 * The library is part of a base system (dpkg and rpm need it) and not linked but opened on first use.
 */

import ffi from 'ffi-napi'
import { addressIn, DirectLibrary } from './direct-calls.ts'
import { InvalidParameter, Unavailable } from './errors.ts'

const SONAME = 'libzstd.so.1'
const CHUNK = 256 * 1024

function open() {
  const direct = new DirectLibrary(SONAME)
  return {
    createStream: direct.function('ZSTD_createDStream', 'int64'),
    freeStream: direct.function('ZSTD_freeDStream', 'int64', ['int64']),
    decompress: direct.function('ZSTD_decompressStream', 'int64', ['int64', 'int64', 'int64']),
    isError: direct.function('ZSTD_isError', 'int', ['int64']),
    names: ffi.Library(SONAME, { ZSTD_getErrorName: ['string', ['int64']] }),
  }
}

type Library = ReturnType<typeof open>
let opened: Library | undefined

/** @throws Unavailable if the library is not installed */
function library(): Library {
  try {
    opened ??= open()
    return opened
  } catch (cause) {
    throw new Unavailable(`${SONAME} is missing: install libzstd1 (Debian, Ubuntu) or libzstd (CentOS, Fedora)`, {
      cause,
    })
  }
}

/**
 * Decompresses any number of frames one after the other, with their checksums. All that is yielded lies in the same memory: it is to be
 * used before the next chunk is asked for. @throws InvalidParameter if they are broken
 */
export async function* decompressZstd(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const zstd = library()
  const stream = zstd.createStream()
  const [input, output] = [new Window(), new Window()]
  try {
    // What the last call still expects: 0 after a whole frame, of which nothing is held back then.
    let expected = 0
    for await (const part of inParts(compressed)) {
      input.fill(part)
      let isFull = false
      while ((isFull && expected !== 0) || input.position < input.size) {
        output.empty()
        expected = zstd.decompress(stream, output.address, input.address)
        if (zstd.isError(expected) !== 0) throw new InvalidParameter(zstd.names.ZSTD_getErrorName(expected) ?? 'error')
        if (output.position > 0) yield output.bytes.subarray(0, output.position)
        isFull = output.position === output.size
      }
    }
    if (expected !== 0) throw new InvalidParameter('unexpected EOF')
  } finally {
    zstd.freeStream(stream)
  }
}

async function* inParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += CHUNK) yield chunk.subarray(at, at + CHUNK)
}

/** ZSTD_inBuffer, ZSTD_outBuffer: address, size, position. */
class Window {
  readonly bytes = Buffer.allocUnsafeSlow(CHUNK)
  readonly #struct = Buffer.allocUnsafeSlow(24)
  readonly address = addressIn(this.#struct)

  constructor() {
    this.#struct.writeBigUInt64LE(BigInt(addressIn(this.bytes)), 0)
    this.empty()
  }

  fill(bytes: Uint8Array): void {
    this.bytes.set(bytes)
    this.#set(bytes.length)
  }

  empty(): void {
    this.#set(CHUNK)
  }

  get size(): number {
    return this.#struct.readUInt32LE(8)
  }

  get position(): number {
    return this.#struct.readUInt32LE(16)
  }

  #set(size: number): void {
    this.#struct.writeBigUInt64LE(BigInt(size), 8)
    this.#struct.writeBigUInt64LE(0n, 16)
  }
}
