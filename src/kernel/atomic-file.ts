/**
 * Small files of state that are either the old one or the new one, whatever happens in between. See rename(2), fsync(2).
 *
 * The new content goes to a temporary beside the file, whose name starts with TEMPORARY_PREFIX; whoever owns the folder
 * calls removeTemporaries() once at start, when nobody else writes there.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { check, hasCode } from './errors.ts'
import { replaceDurablyNativeAsync } from './native.ts'

export const TEMPORARY_PREFIX = '.tmp-'

export interface AtomicWriteOptions {
  /** Survive a power cut, not just a killed daemon: costs two fsync, of the file and of its folder. */
  durable: boolean
  /** Permission bits. */
  mode?: number
}

/** Replaces or creates the file at `path`. Two writers at once: each file is whole, the last rename wins. */
export async function writeAtomically(
  path: string,
  data: string | Uint8Array,
  { durable, mode = 0o600 }: AtomicWriteOptions,
): Promise<void> {
  // A few short system calls: to have another thread do them takes several times as long as they do.
  if (data.length <= SMALL_BYTES) return durable ? replaceDurably(path, data, mode) : replaceAtOnce(path, data, mode)
  await writeOne(path, data, { durable, mode })
  if (durable) await syncFolder(dirname(path))
}

/**
 * Several files at once, each of which survives a power cut when this resolves: the disk is asked to write what waits for it together,
 * and not file by file. Which of them a power cut in the middle leaves is open.
 */
export async function writeAllDurably(
  files: readonly { path: string; data: string | Uint8Array }[],
  mode = 0o600,
): Promise<void> {
  const written = await Promise.allSettled(files.map(({ path, data }) => writeOne(path, data, { durable: true, mode })))
  const failed = written.find(result => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  await Promise.all([...new Set(files.map(({ path }) => dirname(path)))].map(syncFolder))
}

async function writeOne(
  path: string,
  data: string | Uint8Array,
  { durable, mode }: Required<AtomicWriteOptions>,
): Promise<void> {
  const temporary = temporaryBeside(path)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(data)
      if (durable) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

const SMALL_BYTES = 64 * 1024

const temporaryBeside = (path: string): string =>
  join(dirname(path), `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)

async function replaceDurably(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const names = { temporary: temporaryBeside(path), path, folder: dirname(path) }
  check('write', await replaceDurablyNativeAsync(names, Buffer.from(data), mode), { path })
}

function replaceAtOnce(path: string, data: string | Uint8Array, mode: number): void {
  const temporary = temporaryBeside(path)
  try {
    writeFileSync(temporary, data, { flag: 'wx', mode })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** What the kernel writes in one go: no signal comes in between. */
const PAGE_BYTES = 4096

/**
 * Writes a small text over an existing one with a single write(2), padded with spaces where it is shorter. As whole as a rename for
 * everybody who looks, and for a daemon that is killed; after a power cut it is one or the other, or (rarely) neither.
 * Renaming over an existing file is much dearer: file systems write the new content out first (ext4's auto_da_alloc).
 * Returns false, and has done nothing, if there is no file or either text is longer than a page.
 */
export function overwrite(path: string, text: string): boolean {
  const bytes = Buffer.from(text)
  if (bytes.length > PAGE_BYTES) return false
  let file: number
  try {
    file = openSync(path, 'r+')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
  try {
    const { size } = fstatSync(file)
    if (size > PAGE_BYTES) return false
    const page = Buffer.alloc(Math.max(size, bytes.length), ' ')
    bytes.copy(page)
    if (page.length > bytes.length) page.write('\n', page.length - 1)
    writeSync(file, page, 0, page.length, 0)
    return true
  } finally {
    closeSync(file)
  }
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Deletes what interrupted writers left in a folder; files and folders alike. */
export async function removeTemporaries(folder: string): Promise<void> {
  const names = await readdir(folder)
  const stale = names.filter(name => name.startsWith(TEMPORARY_PREFIX))
  await Promise.all(stale.map(name => rm(join(folder, name), { recursive: true, force: true })))
}
