/**
 * Compresses rotated files of logs: NAME.3 → NAME.3.gz. The shim rotates and knows nothing of it; it tells of rotations while there
 * is a daemon, and a daemon that comes later looks by itself. One file at a time for the whole daemon, in zlib's own threads.
 *
 * The names move under our hands: the compressed file is made under a name of its own and put into its place under a lock on the
 * folder, which the shim takes too when it rotates (native/shim/log-rotation.c). Until then the plain file is there, after a crash
 * at the worst beside it; readers take the plain one.
 */

import { closeSync, constants, fstatSync, fsync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import type { Logger } from 'pino'
import { check, hasCode } from '../../kernel/errors.ts'
import { syscall } from '../../kernel/syscall.ts'
import { blocksOf, writeTo } from './blocks.ts'
import { isBeingRead } from './log-file.ts'
import type { LogPlace } from './place.ts'

const sync = promisify(fsync)
const LOCK_EX = 2
const LOCK_NB = 4
const EAGAIN = 11
const TRY_AGAIN_MS = 1000

export class LogCompressor {
  /** By path: logs to look at. */
  readonly #waiting = new Map<string, LogPlace>()
  #works = false

  constructor(private readonly log: Logger) {}

  /** Returns at once. Nothing for a log that is not to be compressed. */
  request(place: LogPlace | null): void {
    if (!place?.compress) return
    this.#waiting.set(place.path, place)
    if (!this.#works) void this.#work()
  }

  async #work(): Promise<void> {
    this.#works = true
    for (const [path, place] of this.#waiting) {
      this.#waiting.delete(path)
      try {
        if (!(await compressAll(place))) setTimeout(() => this.request(place), TRY_AGAIN_MS).unref()
      } catch (error) {
        // The container was removed.
        if (!hasCode(error, 'ENOENT')) this.log.error({ path, err: error }, 'a rotated log was not compressed')
      }
    }
    this.#works = false
  }
}

/** False: some are being read; later then. */
async function compressAll(place: LogPlace): Promise<boolean> {
  let complete = true
  // The oldest first: it is the next to be thrown away, and the order of names stays without gaps for readers.
  for (let number = place.maxFiles - 1; number >= 1; number--) {
    const plain = openPlain(`${place.path}.${number}`)
    if (plain === null) continue
    try {
      if (isBeingRead(fstatSync(plain).ino)) complete = false
      else if (!(await compressOne(place, plain))) complete = false
    } finally {
      closeSync(plain)
    }
  }
  return complete
}

function openPlain(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

async function compressOne(place: LogPlace, plain: number): Promise<boolean> {
  const temporary = join(place.folder, `.compressing-${place.name}`)
  const { size } = fstatSync(plain)
  const target = openSync(temporary, 'w', 0o640)
  try {
    await pipeline(blocksOf(plain), createGzip(), writeTo(target))
    // A power cut must not leave less than there was.
    await sync(target)
    return putInPlace(place, plain, size, temporary)
  } finally {
    closeSync(target)
    rmSync(temporary, { force: true })
  }
}

/** Without a pause: the shim does not rotate meanwhile. */
function putInPlace(place: LogPlace, plain: number, size: number, temporary: string): boolean {
  const folder = openSync(place.folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    // Not waited for: a shim that was stopped in the middle of a rotation must not stop the daemon.
    const locked = syscall('flock', folder, LOCK_EX | LOCK_NB)
    if (locked === -EAGAIN) return false
    check('flock', locked, { folder: place.folder })
    const status = fstatSync(plain)
    // Deleted by rotation.
    const path = pathNow(place, status.ino)
    if (path === null) return true
    if (isBeingRead(status.ino) || status.size !== size) return false
    utimesSync(temporary, status.atime, status.mtime)
    renameSync(temporary, `${path}.gz`)
    rmSync(path)
    return true
  } finally {
    closeSync(folder)
  }
}

function pathNow(place: LogPlace, inode: number): string | null {
  for (let number = 1; number < place.maxFiles; number++) {
    const path = `${place.path}.${number}`
    if (statSync(path, { throwIfNoEntry: false })?.ino === inode) return path
  }
  return null
}
