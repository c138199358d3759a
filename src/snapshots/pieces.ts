/**
 * What an archive is made of before anybody has read it: bytes, and ranges of open files. Where it goes to a socket, the kernel
 * moves the ranges there, and what is in the files never comes into this process.
 */

import { readSync } from 'node:fs'
import type { Extent } from './tar/entry.ts'

/** Bytes of an open file, filled up with zeros if it has become shorter: the header has promised them. */
export interface FileRange extends Extent {
  file: number
}

/** To be used before the next one is asked for: its memory may be used again, its file closed. */
export type Piece = Buffer | FileRange

const CHUNK = 256 * 1024

/** The same as bytes only. */
export function* readPieces(pieces: Iterable<Piece>): Generator<Buffer> {
  const memory = Buffer.allocUnsafeSlow(CHUNK)
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) yield piece
    else yield* readRange(piece, memory)
  }
}

/** As much of a file as there was when its size was read. */
export const readWhole = (file: number, size: number): Generator<Buffer> =>
  readRange({ file, offset: 0, length: size }, Buffer.allocUnsafe(Math.min(CHUNK, size)))

/** All chunks are parts of `memory`: each is to be used before the next one is asked for. */
export function* readRange({ file, offset, length }: FileRange, memory: Buffer): Generator<Buffer> {
  for (let at = 0; at < length; ) {
    const part = readInto(memory.subarray(0, length - at), file, offset + at)
    at += part.length
    yield part
  }
}

/** Some bytes at least: zeros behind the end of the file. */
export function readInto(memory: Buffer, file: number, offset: number): Buffer {
  const count = readSync(file, memory, 0, memory.length, offset)
  return count === 0 ? memory.fill(0) : memory.subarray(0, count)
}
