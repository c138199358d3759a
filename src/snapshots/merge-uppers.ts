/**
 * Several upper folders, one on top of the other, put together to a single one that says the same of what is below: hard links to their
 * files, whiteouts and opaque marks kept. For `diff` and `commit`, which know one upper folder.
 * Rules: the kernel's Documentation/filesystems/overlayfs.rst, "Upper and Lower".
 */

import { constants } from 'node:fs'
import { chmod, chown, close, linkAt, mkdirAt, openToRead, setTimes, statAt } from '../kernel/files.ts'
import { inFolder, listXattrs, setXattr } from '../kernel/xattr.ts'
import { type ByteString, toPath } from './tar/byte-string.ts'
import { ifThere, isFolderStatus, namesIn } from './walk.ts'
import { isLayerMark, isOpaque, isWhiteout, makeOpaque } from './whiteouts.ts'

const SELF = toPath('.' as ByteString)

/**
 * `uppers` are open, topmost first; `target` is an empty folder, open for reading; `below` is what they stand on, null for nothing: a whiteout
 * of what only an upper folder had would be seen as a file without a status, where nothing is merged with its folder.
 */
export function mergeUppers(uppers: readonly number[], target: number, below: number | null): void {
  const names = new Set(uppers.flatMap(namesIn))
  for (const name of names) takeTopmost(uppers, toPath(name), target, below)
  copyAttributes(uppers[0]!, SELF, target)
}

function takeTopmost(uppers: readonly number[], name: Buffer, target: number, below: number | null): void {
  const from = uppers.findIndex(upper => ifThere(() => statAt(upper, name)) !== undefined)
  const upper = uppers[from]
  // Whoever writes to the topmost one has taken it away meanwhile.
  if (upper === undefined) return
  const status = statAt(upper, name)
  const hidden = below === null ? undefined : ifThere(() => statAt(below, name))
  if (!isFolderStatus(status)) {
    if (hidden !== undefined || !isWhiteout(status)) linkAt(upper, name, target, name)
    return
  }
  const { folders, opaque } = openMerged(uppers.slice(from), name)
  try {
    mkdirAt(target, name, 0o700)
    if (opaque) makeOpaque(target, name)
    const folder = openToRead(target, name, constants.O_DIRECTORY)
    try {
      const isMerged = !opaque && hidden !== undefined && isFolderStatus(hidden)
      const child = isMerged ? openToRead(below!, name, constants.O_DIRECTORY) : null
      try {
        mergeUppers(folders, folder, child)
      } finally {
        if (child !== null) close(child)
      }
    } finally {
      close(folder)
    }
  } finally {
    for (const folder of folders) close(folder)
  }
}

/** The folders of that name that show through each other. `opaque`: nothing below the last of them does. */
function openMerged(uppers: readonly number[], name: Buffer): { folders: number[]; opaque: boolean } {
  const folders: number[] = []
  for (const upper of uppers) {
    const status = ifThere(() => statAt(upper, name))
    if (status === undefined) continue
    // A file or a whiteout: it hides what is further below, and the folders above hide it.
    if (!isFolderStatus(status)) return { folders, opaque: true }
    folders.push(openToRead(upper, name, constants.O_DIRECTORY))
    if (isOpaque(upper, name)) return { folders, opaque: true }
  }
  return { folders, opaque: false }
}

/** Owner, mode, attributes and times of a folder, which change with its content: last. */
export function copyAttributes(from: number, name: Buffer, to: number): void {
  const { uid, gid, mode, modified } = statAt(from, name)
  chown(to, uid, gid)
  chmod(to, mode & 0o7777)
  for (const [attribute, value] of listXattrs(from, name))
    if (!isLayerMark(attribute)) setXattr(inFolder(to, SELF), attribute, value)
  setTimes(to, null, modified, modified)
}
