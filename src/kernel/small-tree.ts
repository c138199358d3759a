/**
 * Deleting a folder of a few small files. Node's rm() goes to another thread and back for each of its system calls: for a
 * container's records that takes ten times as long as the calls themselves.
 */

import { lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './errors.ts'

/** What is done at once: more would hold up the event loop. */
const MOST_ENTRIES = 24
/** A file system frees a large file's blocks one by one. */
const LARGE_FILE_BYTES = 1024 * 1024
/** Of the folder itself: its list of names is read before they can be counted. */
const LARGE_FOLDER_BYTES = 16 * 1024

/** As `rm -rf`: at once where that is a matter of microseconds, else by other threads. */
export async function removeTree(path: string): Promise<void> {
  if (!removeIfSmall(path)) await rm(path, { recursive: true, force: true })
}

/** As `rm -rf`, of what is known to be small. */
export function removeTreeNow(path: string): void {
  if (!removeIfSmall(path)) rmSync(path, { recursive: true, force: true })
}

/** False: some or all of it is still there. */
function removeIfSmall(path: string): boolean {
  try {
    return removeSmall(path, { left: MOST_ENTRIES })
  } catch (error) {
    // Whatever else was in its way, rm() knows how to deal with it, or says what it is.
    return hasCode(error, 'ENOENT')
  }
}

function removeSmall(folder: string, budget: { left: number }): boolean {
  if (lstatSync(folder).size > LARGE_FOLDER_BYTES) return false
  const entries = readdirSync(folder, { withFileTypes: true })
  budget.left -= entries.length
  if (budget.left < 0) return false
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!removeSmall(path, budget)) return false
      continue
    }
    if (entry.isFile() && lstatSync(path).size > LARGE_FILE_BYTES) return false
    unlinkSync(path)
  }
  rmdirSync(folder)
  return true
}
