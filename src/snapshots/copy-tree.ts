/**
 * A folder once more, file by file, with everything that can be said of them: owners, modes, times, attributes, hard links, holes.
 * Where the file system can, the copies share their blocks with the originals (ioctl_ficlone(2)).
 */

import { constants } from 'node:fs'
import { close, linkAt, mkdirAt, openToRead, statAt } from '../kernel/files.ts'
import { copyFile } from './copy-file.ts'
import { copyAttributes } from './merge-uppers.ts'
import { describe, kindOf } from './pack/describe.ts'
import { type ByteString, toPath } from './tar/byte-string.ts'
import { createSpecial } from './unpack/create.ts'
import { type Found, ifThere, isFileStatus, isFolderStatus, namesIn } from './walk.ts'
import { isOpaque, isWhiteout, makeOpaque, makeWhiteout } from './whiteouts.ts'

const SELF = toPath('.' as ByteString)

export interface CopyTreeOptions {
  /** It is an upper folder: whiteouts and opaque folders stay what they are. */
  marks: boolean
}

/** `target` is an empty folder. Both are open for reading. What is not a file of an archive (a socket) is left out, as tar leaves it out. */
export function copyTree(source: number, target: number, { marks }: CopyTreeOptions): void {
  /** Files with several names: where the first one was made. */
  const copies = new Map<bigint, { folder: string; name: Buffer }>()
  const copyFolder = (from: number, to: number, path: string): void => {
    for (const child of namesIn(from)) copyOne(from, to, path, child)
    copyAttributes(from, SELF, to)
  }
  const copyOne = (from: number, to: number, path: string, child: ByteString): void => {
    const name = toPath(child)
    const status = ifThere(() => statAt(from, name))
    if (status === undefined) return
    if (isFolderStatus(status)) copyChild(from, to, `${path}${child}/`, name)
    else if (marks && isWhiteout(status)) makeWhiteout(to, name)
    else if (status.links > 1 && linked(status.inode, to, name)) return
    else if (isFileStatus(status)) copyContent(from, to, name)
    else copySpecial({ folder: from, name, path: child, status }, to)
    if (status.links > 1 && !isFolderStatus(status)) copies.set(status.inode, { folder: path, name })
  }
  const copyChild = (from: number, to: number, path: string, name: Buffer): void => {
    const folder = openToRead(from, name, constants.O_DIRECTORY)
    try {
      mkdirAt(to, name, 0o700)
      if (marks && isOpaque(from, name)) makeOpaque(to, name)
      const made = openToRead(to, name, constants.O_DIRECTORY)
      try {
        copyFolder(folder, made, path)
      } finally {
        close(made)
      }
    } finally {
      close(folder)
    }
  }
  const linked = (inode: bigint, to: number, name: Buffer): boolean => {
    const first = copies.get(inode)
    if (first === undefined) return false
    // Nobody else knows this folder: its names lead where we have put them.
    const path = Buffer.from(`${first.folder || './'}\0`, 'latin1')
    const folder = openToRead(target, path, constants.O_DIRECTORY)
    try {
      linkAt(folder, first.name, to, name)
    } finally {
      close(folder)
    }
    return true
  }
  copyFolder(source, target, '')
}

function copyContent(from: number, to: number, name: Buffer): void {
  const file = openToRead(from, name)
  try {
    copyFile({ folder: from, name, file }, to, name)
  } finally {
    close(file)
  }
}

function copySpecial(found: Found, to: number): void {
  const kind = kindOf(found.status)
  if (kind !== undefined) createSpecial(to, found.name, describe(found, kind))
}
