/** Folders and files that exist for a mount's sake alone: they are not to stay in the layer. */

import { constants } from 'node:fs'
import { hasCode } from '../../kernel/errors.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  close,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  statAt,
  unlinkAt,
} from '../../kernel/files.ts'
import type { MountSpec } from '../../runtime/spec.ts'
import type { RootMount, Snapshots } from '../../snapshots/types.ts'

/** What of the mounts' targets is missing before the start, the deepest first. Targets are settled: no symlinks are on their way. */
export function missingTargets(snapshots: Snapshots, root: RootMount, mounts: readonly MountSpec[]): string[] {
  const merged = snapshots.openMerged(root)
  try {
    const missing = new Set<string>()
    for (const { target } of mounts) {
      const parts = target.split('/').filter(Boolean)
      for (let length = parts.length; length > 0; length--) {
        const path = parts.slice(0, length).join('/')
        if (exists(merged, path)) break
        missing.add(path)
      }
    }
    return [...missing].sort((a, b) => b.split('/').length - a.split('/').length)
  } finally {
    close(merged)
  }
}

function exists(root: number, path: string): boolean {
  try {
    close(openat2(root, path, O_PATH | constants.O_NOFOLLOW, RESOLVE_IN_ROOT))
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

/** Those that are still empty are taken away; what the command has put there stays. */
export function removeStubs(root: RootMount, paths: readonly string[]): void {
  if (paths.length === 0) return
  const written = root.kind === 'overlay' ? root.upper : root.path
  const folder = openat2(AT_FDCWD, written, O_PATH | constants.O_DIRECTORY, 0)
  try {
    for (const path of paths) removeStub(folder, path)
  } finally {
    close(folder)
  }
}

function removeStub(root: number, path: string): void {
  const slash = path.lastIndexOf('/')
  try {
    const flags = O_PATH | constants.O_DIRECTORY
    const parent = openat2(root, path.slice(0, Math.max(slash, 0)) || '.', flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    try {
      const name = path.slice(slash + 1)
      const { mode, size } = statAt(parent, name)
      if ((mode & constants.S_IFMT) === constants.S_IFDIR) unlinkAt(parent, name, AT_REMOVEDIR)
      else if ((mode & constants.S_IFMT) === constants.S_IFREG && size === 0) unlinkAt(parent, name)
    } finally {
      close(parent)
    }
  } catch (error) {
    // The command has removed it, or something else has come in its place.
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENOTEMPTY', 'EXDEV')) throw error
  }
}
