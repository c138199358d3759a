/**
 * Takes a multiplexed stream apart: frames of 8 bytes of header (stream, 0, 0, 0, length as a big-endian u32) and a payload.
 * Source: engine-api-v1.47.yaml, "Stream format" of POST /containers/{id}/attach.
 */

import type { Readable, Writable } from 'node:stream'
import { write } from './write.ts'

const HEADER = 8
/** The daemon reports a failure of its own on this stream. */
const SYSTEM_ERROR = 3

/** skiff's own, last in the stream of what was started and attached to at once: its exit code, a big-endian i32, and why its end failed. */
const EXIT_CODE = 4

/**
 * Copies each frame to its sink as it comes, waiting for slow sinks. Resolves at the end of the stream, with the exit code where it
 * told one.
 */
export async function demultiplex(source: Readable, stdout: Writable, stderr: Writable): Promise<number | undefined> {
  let pending: Buffer = Buffer.alloc(0)
  let stream = 0
  /** Bytes of the current payload still to come. */
  let left = 0
  let failure = ''
  let exitCode: number | undefined
  for await (const chunk of source as AsyncIterable<Buffer>) {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    while (pending.length > 0) {
      if (left === 0) {
        if (pending.length < HEADER) break
        stream = pending.readUInt8(0)
        left = pending.readUInt32BE(4)
        pending = pending.subarray(HEADER)
        continue
      }
      if (stream === EXIT_CODE && pending.length < left) break
      const payload = pending.subarray(0, left)
      pending = pending.subarray(payload.length)
      left -= payload.length
      if (stream === EXIT_CODE) exitCode = readEnd(payload)
      else if (stream === SYSTEM_ERROR) failure += payload.toString()
      else if (stream === 2) await write(stderr, payload)
      else if (stream <= 1) await write(stdout, payload)
      else throw new Error(`Unrecognized input header: ${stream}`)
    }
  }
  if (failure) throw new Error(`error from daemon in stream: ${failure}`)
  return exitCode
}

function readEnd(payload: Buffer): number {
  const failure = payload.subarray(4).toString()
  if (failure) throw new Error(failure)
  return payload.readInt32BE()
}

/** Copies a stream without frames, waiting for a slow sink. */
export async function copy(source: Readable, sink: Writable): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) await write(sink, chunk)
}
