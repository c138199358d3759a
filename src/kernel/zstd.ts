/**
 * Zstandard decompression through libzstd, zstd.h "Streaming decompression".
 * The library is part of a base system (dpkg and rpm need it) and not linked but opened on first use.
 */

import ffi from 'ffi-napi'
import ref from 'ref-napi'
import { InvalidParameter, Unavailable } from './errors.ts'

const SONAME = 'libzstd.so.1'
const OUTPUT_SIZE = 256 * 1024

const open = () =>
  ffi.Library(SONAME, {
    ZSTD_createDStream: ['pointer', []],
    ZSTD_freeDStream: ['size_t', ['pointer']],
    ZSTD_decompressStream: ['size_t', ['pointer', 'pointer', 'pointer']],
    ZSTD_isError: ['uint', ['size_t']],
    ZSTD_getErrorName: ['string', ['size_t']],
  })

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

/** Decompresses any number of frames one after the other, with their checksums. @throws InvalidParameter if they are broken */
export async function* decompressZstd(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const zstd = library()
  const stream = zstd.ZSTD_createDStream()
  try {
    // What the last call still expects: 0 after a whole frame.
    let expected = 0
    for await (const chunk of compressed) {
      const input = new Window(Buffer.from(chunk))
      for (let isFull = false; isFull || input.position < input.size; ) {
        const output = new Window(Buffer.allocUnsafeSlow(OUTPUT_SIZE))
        const result = zstd.ZSTD_decompressStream(stream, output.pointer, input.pointer)
        if (zstd.ZSTD_isError(result) !== 0) throw new InvalidParameter(zstd.ZSTD_getErrorName(result) ?? 'error')
        expected = Number(result)
        if (output.position > 0) yield output.bytes.subarray(0, output.position)
        isFull = output.position === output.size
      }
    }
    if (expected !== 0) throw new InvalidParameter('unexpected EOF')
  } finally {
    zstd.ZSTD_freeDStream(stream)
  }
}

/** ZSTD_inBuffer, ZSTD_outBuffer: address, size, position. */
class Window {
  readonly bytes: Buffer
  readonly #struct = Buffer.alloc(24)

  constructor(bytes: Buffer) {
    this.bytes = bytes
    ref.writePointer(this.#struct, 0, bytes as ref.Pointer<unknown>)
    this.#struct.writeBigUInt64LE(BigInt(bytes.length), 8)
  }

  get pointer(): ref.Pointer<unknown> {
    return this.#struct as ref.Pointer<unknown>
  }

  get size(): number {
    return this.bytes.length
  }

  get position(): number {
    return Number(this.#struct.readBigUInt64LE(16))
  }
}
