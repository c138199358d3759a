/**
 * A folder or file in a volume. Whoever writes to the volume may be hostile: the path is resolved inside of it, once, and what was found
 * is held by its descriptor and mounted. Looking the path up a second time is what CVE-2021-25741 lived on. See
 * openat2(2), open_tree(2).
 */

import { fstatSync, readlinkSync } from 'node:fs'
import { openDetachedTree } from '../../kernel/detached-mount.ts'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, RESOLVE_BENEATH } from '../../kernel/files.ts'

export interface OpenedTree {
  /** What it is called on the host. */
  source: string
  sourceKind: 'file' | 'folder'
  /** The caller closes it. */
  tree: number
}

/** @throws InvalidParameter if it is not there or leads out of the volume */
export function openSubpath(volume: string, subpath: string, options: { recursive: boolean }): OpenedTree {
  const root = openat2(AT_FDCWD, volume, O_PATH, 0)
  try {
    const found = openat2(root, subpath, O_PATH, RESOLVE_BENEATH)
    try {
      const source = readlinkSync(`/proc/self/fd/${found}`)
      const sourceKind = fstatSync(found).isDirectory() ? 'folder' : 'file'
      return { source, sourceKind, tree: openDetachedTree(found, options) }
    } finally {
      close(found)
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EXDEV', 'ENOTDIR', 'ELOOP')) throw error
    throw new InvalidParameter(`subpath ${subpath} is not a path in the volume`, { cause: error })
  } finally {
    close(root)
  }
}
