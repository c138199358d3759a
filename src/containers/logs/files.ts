/**
 * The files of one log: NAME is being written; NAME.1 is the one before, NAME.2 the one before that. Older ones
 * may have been compressed, to NAME.2.gz. Rotation renames them one by one while we look, so we look until nothing has changed under
 * our eyes.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { inodeOf, LogFile } from './log-file.ts'

/** Of a LogPlace, as far as a reader cares. */
export interface LogFiles {
  path: string
  maxFiles: number
}

/** A log that is rotated faster than this loses its files before anybody can read them. */
const MAX_TRIES = 50

const nameOf = ({ path }: LogFiles, index: number): string => (index === 0 ? path : `${path}.${index}`)

/** Oldest first; the caller closes them. None if nothing has been logged. */
export async function openLog(place: LogFiles): Promise<LogFile[]> {
  for (let tries = 1; ; tries++) {
    const files = openInOrder(place)
    if (isWhole(place, files) || tries === MAX_TRIES) return files.reverse()
    for (const file of files) file.close()
    await pause(1)
  }
}

/** Newest first. */
function openInOrder(place: LogFiles): LogFile[] {
  const files: LogFile[] = []
  for (let index = 0; index < place.maxFiles; index++) {
    const file = LogFile.open(nameOf(place, index))
    if (file === null) break
    files.push(file)
  }
  return files
}

/** Every file is still where it was found, and there is no gap behind which more of them are. */
function isWhole(place: LogFiles, files: readonly LogFile[]): boolean {
  if (files.some((file, index) => !file.isAt(nameOf(place, index)))) return false
  const [next, afterNext] = [files.length, files.length + 1]
  return next >= place.maxFiles || (inodeOf(nameOf(place, next)) === null && inodeOf(nameOf(place, afterNext)) === null)
}

/** The file that follows `current`, which has been rotated away perhaps more than once; null: it is still the newest. */
export async function nextFile(place: LogFiles, current: LogFile | null): Promise<LogFile | null> {
  if (current?.isAt(place.path)) return null
  const files = await openLog(place)
  const known = files.findIndex(file => file.inode === current?.inode)
  // Not among them: it has been deleted, and the oldest that there is comes next.
  const next = files[known + 1] ?? null
  for (const file of files) if (file !== next) file.close()
  return next
}

const BLOCK_BYTES = 64 * 1024
const NEWLINE = 0x0a

/** Where in a file the last `count` lines begin, and how many of them there are: read backwards from the end, in blocks. */
export async function findTail(file: LogFile, count: number): Promise<{ offset: number; lines: number }> {
  const size = await file.contentSize()
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  let lines = 0
  let end = size
  while (end > 0) {
    const start = Math.max(0, end - BLOCK_BYTES)
    const bytesRead = await file.read(block, end - start, start)
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The newline at the very end ends the last line; any other begins the line after it.
      if (block[index] !== NEWLINE || start + index === size - 1) continue
      lines += 1
      if (lines === count) return { offset: start + index + 1, lines }
    }
    end = start
  }
  return { offset: 0, lines: size > 0 ? lines + 1 : 0 }
}

/** A file's lines from an offset on. Memory is that of a block and the longest line, whatever the size of the file. */
export class LineReader {
  #rest: Buffer = Buffer.alloc(0)

  constructor(
    readonly file: LogFile,
    private offset: number,
  ) {}

  /** The whole lines that are there by now, up to a block of them; empty: there are no more at the moment. */
  async next(): Promise<string[]> {
    const block = Buffer.allocUnsafe(BLOCK_BYTES)
    for (;;) {
      const bytesRead = await this.file.read(block, BLOCK_BYTES, this.offset)
      if (bytesRead === 0) return []
      this.offset += bytesRead
      const fresh = block.subarray(0, bytesRead)
      const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, fresh]) : fresh
      const end = data.lastIndexOf(NEWLINE)
      this.#rest = Buffer.from(data.subarray(end + 1))
      if (end >= 0) return data.toString('utf8', 0, end).split('\n')
    }
  }

  /** Rotation to a single file truncates it: the writer began anew. */
  restartIfTruncated(): boolean {
    // A follower that lags behind reads compressed files, too: their size says nothing.
    if (this.file.isCompressed || this.file.size >= this.offset) return false
    this.offset = 0
    this.#rest = Buffer.alloc(0)
    return true
  }
}
