/**
 * Deleting a folder of a few small files. Node's rm() goes to another thread and back for each of its system calls: for a
 * container's records that takes several times as long as the calls themselves.
 */

import { readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from './errors.ts'
import { removeTreeNativeAsync } from './native.ts'

/** What is deleted in one go: more would keep others waiting for the thread. */
const MOST_ENTRIES = 64

/**
 * As `rm -rf`, by another thread: on a disk with other work to do the kernel may take its time over each name. `path` is resolved
 * as it stands, links in it are deleted and not followed.
 */
export async function removeTree(path: string): Promise<void> {
  if ((await removeTreeNativeAsync(path, MOST_ENTRIES)) === 0) return
  // There is more in it, or something in the way: rm() knows how to deal with it, or says what it is.
  await rm(path, { recursive: true, force: true })
}

/** As `rm -rf`, at once: of a run folder, which holds a handful of files and is in memory. */
export function removeTreeNow(path: string): void {
  try {
    removeFolder(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) rmSync(path, { recursive: true, force: true })
  }
}

function removeFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) removeFolder(path)
    else unlinkSync(path)
  }
  rmdirSync(folder)
}
