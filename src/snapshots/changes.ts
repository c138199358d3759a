/** What an upper folder changes in the tree below it, as `docker diff` tells it; and how many bytes it holds. */

import { constants } from 'node:fs'
import { hasCode } from '../kernel/errors.ts'
import {
  close,
  type FileStatus,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  statAt,
} from '../kernel/files.ts'
import { type ByteString, joinPath, splitPath, toPath, toText } from './tar/byte-string.ts'
import type { Change } from './types.ts'
import { type Found, isFileStatus, isFolderStatus, namesIn, walk } from './walk.ts'
import { isOpaque, isWhiteout } from './whiteouts.ts'

/** `lower` is the merged view of all that is below. */
export function changesOf(upper: number, lower: number): Change[] {
  return toList(compareUpper(upper, lower))
}

/** The same for a whole tree that began as a copy of `lower`. */
export function changesBetween(tree: number, lower: number): Change[] {
  return toList(compareTrees(tree, lower))
}

const toList = (changes: Map<ByteString, Change['kind']>): Change[] =>
  [...changes].map(([path, kind]) => ({ kind, path: `/${toText(path)}` })).sort((a, b) => (a.path < b.path ? -1 : 1))

/** By path what has become of it. Of what is in a folder that is gone nothing is said. */
export function compareTrees(tree: number, lower: number): Map<ByteString, Change['kind']> {
  const changes = new Map<ByteString, Change['kind']>()
  for (const { path, status } of walk(tree)) {
    const below = statBelow(lower, path)
    if (below === undefined) changes.set(path, 'added')
    else if (isTouched(status, below)) changes.set(path, 'changed')
  }
  for (const { path } of walk(lower)) {
    const parentIsGone = statBelow(tree, splitPath(path).folder || ('.' as ByteString)) === undefined
    if (!parentIsGone && statBelow(tree, path) === undefined) changes.set(path, 'deleted')
  }
  addParents(changes)
  return changes
}

/** A file whose content was changed has another time, unless somebody has taken pains to set it back. */
const isTouched = (above: FileStatus, below: FileStatus): boolean =>
  (above.mode & constants.S_IFMT) !== (below.mode & constants.S_IFMT) ||
  differs(above, below) ||
  (isFileStatus(above) && above.size !== below.size)

function compareUpper(upper: number, lower: number): Map<ByteString, Change['kind']> {
  const changes = new Map<ByteString, Change['kind']>()
  for (const found of walk(upper)) {
    const below = statBelow(lower, found.path)
    if (isWhiteout(found.status)) {
      if (below !== undefined) changes.set(found.path, 'deleted')
    } else if (below === undefined) changes.set(found.path, 'added')
    else if (isChanged(found.status, below)) changes.set(found.path, 'changed')
    if (isFolderStatus(found.status) && below && isFolderStatus(below) && isOpaque(found.folder, found.name)) {
      for (const path of hiddenChildren(found, upper, lower)) changes.set(path, 'deleted')
    }
  }
  addParents(changes)
  return changes
}

/** A folder is also copied up when only something in it changes. */
const isChanged = (above: FileStatus, below: FileStatus): boolean =>
  !(isFolderStatus(above) && isFolderStatus(below)) || differs(above, below)

const differs = (above: FileStatus, below: FileStatus): boolean =>
  above.mode !== below.mode ||
  above.uid !== below.uid ||
  above.gid !== below.gid ||
  above.modified.s !== below.modified.s ||
  above.modified.ns !== below.modified.ns

/** Names of the folder below that an opaque folder hides. */
function hiddenChildren({ path }: Found, upper: number, lower: number): ByteString[] {
  const below = openBelow(lower, path)
  if (below === undefined) return []
  try {
    return namesIn(below)
      .map(name => joinPath(path, name))
      .filter(child => statBelow(upper, child) === undefined)
  } finally {
    close(below)
  }
}

/** Docker lists the folders on the way to a change as changed, even if they are the same. */
function addParents(changes: Map<ByteString, Change['kind']>): void {
  for (const path of [...changes.keys()]) {
    let { folder } = splitPath(path)
    while (folder !== '' && !changes.has(folder)) {
      changes.set(folder, 'changed')
      folder = splitPath(folder).folder
    }
  }
}

function statBelow(root: number, path: ByteString): FileStatus | undefined {
  const file = openBelow(root, path)
  if (file === undefined) return undefined
  try {
    return statAt(file, '')
  } finally {
    close(file)
  }
}

/** The file of that path itself, also if it is a symlink; undefined if there is none. */
function openBelow(root: number, path: ByteString): number | undefined {
  try {
    return openat2(root, toPath(path), O_PATH | constants.O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}

/** Bytes of all files and symlinks in a tree, each counted once however many names it has: as Docker counts. */
export function bytesIn(root: number): number {
  const seen = new Set<bigint>()
  let sum = 0
  for (const { status } of walk(root)) {
    if (isFolderStatus(status) || (status.links > 1 && seen.has(status.inode))) continue
    if (status.links > 1) seen.add(status.inode)
    sum += status.size
  }
  return sum
}
