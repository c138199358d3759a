/**
 * How Docker puts standard output and error into one stream where there is no terminal: before each piece of output stands a
 * frame header of 8 bytes, the stream's number, three zeros and the length as a big-endian 32-bit number.
 * Engine API reference, "ContainerAttach", "Stream format".
 */

import { Transform, type TransformCallback } from 'node:stream'

const STDOUT = 1
/**
 * skiff's own, at the end of POST /containers/{id}/exec/run, exec/output and start/output: the exit code as a big-endian 32-bit number,
 * and after it, if so, what went wrong with the end. Docker has no stream 4.
 */
const EXIT_CODE = 4
const HEADER_BYTES = 8
const LENGTH_AT = 4

export const stdoutFrame = (words: string): Buffer => frame(STDOUT, Buffer.from(words))

export function exitFrame(code: number, failure = ''): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeInt32BE(code)
  return frame(EXIT_CODE, Buffer.concat([payload, Buffer.from(failure)]))
}

function frame(stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(payload.length, LENGTH_AT)
  return Buffer.concat([header, payload])
}

/** Frames in, their payloads out: for clients that get both outputs as one. */
export class Unframe extends Transform {
  #header = Buffer.alloc(0)
  #left = 0

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.#header.length)
        this.#header = Buffer.concat([this.#header, part])
        at += part.length
        if (this.#header.length < HEADER_BYTES) break
        this.#left = this.#header.readUInt32BE(LENGTH_AT)
        this.#header = Buffer.alloc(0)
      } else {
        const part = chunk.subarray(at, at + this.#left)
        this.push(part)
        this.#left -= part.length
        at += part.length
      }
    }
    done()
  }
}
