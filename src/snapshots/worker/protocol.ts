/**
 * What the main thread and a worker say to each other about one job. Each job has a message channel of its own:
 *
 *     main                                   worker
 *      │ ── {chunk} … {end} or {abort} ───────▶ │   input
 *      │ ◀─ {taken: bytes} ──────────────────── │   as much may be sent again
 *      │ ◀─ {chunk} … {end} ─────────────────── │   output
 *      │ ── {taken: bytes} or {abort} ────────▶ │
 *      │ ◀─ {result} or {error} ─────────────── │   the last word
 *
 * Two jobs may be joined by a channel, on which the output of one is the other's input; either tells the other there if it fails.
 * Memory comes back with `taken`, where the receiver is done with it: what is under way goes round in the same few buffers.
 *
 * At most WINDOW bytes are under way in each direction, however fast one side is: memory stays bounded.
 */

import type { MessagePort } from 'node:worker_threads'

/** Bytes under way, per job and direction. */
export const WINDOW = 1024 * 1024
/** Chunks are gathered to this size: a message costs some 20 µs whatever is in it. */
export const CHUNK = 256 * 1024

export interface Taken {
  taken: number
  /** Buffers of CHUNK bytes, to be used again. */
  spent: ArrayBuffer[]
}

export type ToWorker = { chunk: Uint8Array } | { end: true } | Taken | { abort: string }
export type FromWorker =
  | { chunk: Uint8Array }
  | { end: true }
  | Taken
  | { result: unknown }
  | { error: TransferredError }

/** Starts a job: the first and only thing that goes over the worker's own port. */
export interface JobMessage {
  job: { kind: string }
  port: MessagePort
  /** The output goes here, as chunks of HTTP, and not through the port: a descriptor that the worker takes over. */
  socket: number | null
  /** Where the input comes from and where the output goes, if that is another job. */
  from: MessagePort | null
  to: MessagePort | null
}

/** What a job fails with because the one it is joined with has failed. */
export const OTHER_FAILED = 'the other job has failed'

/** An error's class does not survive the way between threads; its name does. */
export interface TransferredError {
  name: string
  message: string
  code: string | undefined
  syscall: string | undefined
  errno: number | undefined
  stack: string | undefined
}
