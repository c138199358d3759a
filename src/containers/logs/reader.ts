/**
 * docker logs: what was logged, and with `follow` what is being logged, until the container ends. A slow reader holds up
 * nothing but itself: lines are read from disk when it asks for them.
 */

import { Readable } from 'node:stream'
import type { LogsRequest } from '../types.ts'
import { frame, type LogEntry, parseEntry, render } from './entry.ts'
import { findTail, LineReader, nextFile, openLog } from './files.ts'
import { Follower } from './follower.ts'
import type { LogFile } from './log-file.ts'

export interface LogSource {
  path: string
  maxFiles: number
  tty: boolean
  /** Settles when nothing more will be written; null: that is so already. */
  ended: Promise<unknown> | null
}

export function readLog(source: LogSource, request: LogsRequest): Readable {
  const gone = new AbortController()
  // Chunks of the generator are pieces of output, not objects: the stream's own buffer is counted in bytes.
  const stream = Readable.from(chunks(source, request, gone.signal), { objectMode: false })
  // A generator that waits cannot be ended from outside, and the stream would wait for it: it must be woken first.
  const destroy = stream._destroy.bind(stream)
  stream._destroy = (error, done) => {
    gone.abort()
    destroy(error, done)
  }
  return stream
}

async function* chunks(source: LogSource, request: LogsRequest, gone: AbortSignal): AsyncGenerator<Buffer> {
  const follows = request.follow && source.ended !== null
  // Watching begins before reading: what is written in between is noticed.
  const follower = follows && source.ended !== null ? new Follower(source.path, source.ended, gone) : null
  try {
    const files = await openLog(source)
    const { newest, over } = yield* past(files, source, request)
    if (follower !== null && !over) yield* follow(follower, newest, source, request)
    else newest?.file.close()
  } finally {
    follower?.close()
  }
}

/** Everything that is there. The newest file stays open. */
async function* past(
  files: LogFile[],
  source: LogSource,
  request: LogsRequest,
): AsyncGenerator<Buffer, { newest: LineReader | null; over: boolean }> {
  const starts = await startOffsets(files, request.tail)
  let newest: LineReader | null = null
  let over = false
  for (const [index, file] of files.entries()) {
    newest?.file.close()
    const start = starts[index] ?? null
    newest = new LineReader(file, start ?? 0)
    if (start !== null && !over) over = yield* drain(newest, source, request)
  }
  return { newest, over }
}

/** Where to begin in each file so that `tail` lines come out; null: not in this one. */
async function startOffsets(files: LogFile[], tail: number | null): Promise<(number | null)[]> {
  if (tail === null) return files.map(() => 0)
  const starts: (number | null)[] = []
  let wanted = tail
  for (const file of [...files].reverse()) {
    if (wanted <= 0) {
      // Following goes on from the end of the newest file.
      starts.unshift(starts.length === 0 ? file.size : null)
      continue
    }
    const { offset, lines } = await findTail(file, wanted)
    wanted -= lines
    starts.unshift(offset)
  }
  return starts
}

/** Returns true when the time asked for is over. */
async function* drain(reader: LineReader, source: LogSource, request: LogsRequest): AsyncGenerator<Buffer, boolean> {
  for (;;) {
    const lines = await reader.next()
    if (lines.length === 0) return false
    const pieces: Buffer[] = []
    let over = false
    for (const line of lines) {
      const entry = parseEntry(line)
      if (entry === null) continue
      over = request.untilNs !== null && entry.timeNs > request.untilNs
      if (over) break
      if (isWanted(entry, request)) pieces.push(frame(render(entry, request), entry.stream, source.tty))
    }
    if (pieces.length > 0) yield Buffer.concat(pieces)
    if (over) return true
  }
}

const isWanted = ({ stream, timeNs }: LogEntry, { stdout, stderr, sinceNs }: LogsRequest): boolean =>
  (stream === 'stdout' ? stdout : stderr) && (sinceNs === null || timeNs >= sinceNs)

async function* follow(
  follower: Follower,
  first: LineReader | null,
  source: LogSource,
  request: LogsRequest,
): AsyncGenerator<Buffer> {
  let reader = first
  try {
    for (;;) {
      // Asked before reading: what was written before the end is read after it.
      const ended = follower.ended
      if (reader !== null) {
        if (yield* drain(reader, source, request)) return
        if (reader.restartIfTruncated()) continue
      }
      const next = await nextFile(source, reader?.file ?? null)
      if (next !== null) {
        // The old file is read to its end once more: its last lines came before it was renamed.
        if (reader !== null && (yield* drain(reader, source, request))) return
        reader?.file.close()
        reader = new LineReader(next, 0)
        continue
      }
      if (ended || isOver(request)) return
      await follower.change(request.untilNs)
    }
  } finally {
    reader?.file.close()
  }
}

const isOver = ({ untilNs }: LogsRequest): boolean => untilNs !== null && BigInt(Date.now()) * 1_000_000n > untilNs
