/**
 * Completes a layer with what its archive took for granted from the layers below: folders that it names only on the way to
 * something else keep their owner and mode, and a hard link to a file below brings that file up.
 */

import { constants } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import {
  chmod,
  chown,
  close,
  linkAt,
  O_PATH,
  openat2,
  openToRead,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  setTimes,
  statAt,
} from '../../kernel/files.ts'
import { inFolder, listXattrs, setXattr } from '../../kernel/xattr.ts'
import { copyFile } from '../copy-file.ts'
import { type ByteString, splitPath, toPath, toText } from '../tar/byte-string.ts'
import { isFileStatus, isFolderStatus } from '../walk.ts'
import { isLayerMark, isOpaque } from '../whiteouts.ts'
import type { LayerContents } from './layer.ts'
import { Parents } from './parents.ts'

const SELF = toPath('.' as ByteString)

/** `layer` is the unpacked layer's folder, `below` the merged view of all layers beneath it; both open. */
export function sealLayer(layer: number, below: number, contents: LayerContents): void {
  const implicit = new Set(contents.implicitFolders)
  const parents = new Parents(layer, RESOLVE_BENEATH, path => implicit.add(path))
  try {
    for (const { path, target } of contents.foreignLinks) bringLink(parents, below, path, target)
    // Last, for their times.
    for (const path of implicit) adoptFolder(parents, below, path)
  } finally {
    parents.forget()
  }
}

function bringLink(parents: Parents, below: number, path: ByteString, target: ByteString): void {
  const from = splitPath(target)
  const to = splitPath(path)
  const targetName = toPath(from.name)
  if (!exists(parents, from.folder, targetName)) copyUp(parents, below, target)
  linkAt(parents.open(from.folder), targetName, parents.open(to.folder), toPath(to.name))
}

function exists(parents: Parents, folder: ByteString, name: Buffer): boolean {
  const parent = parents.find(folder)
  if (parent === undefined) return false
  try {
    statAt(parent, name)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

function copyUp(parents: Parents, below: number, target: ByteString): void {
  const { folder, name } = splitPath(target)
  const belowFolder = folder === '' ? below : openBelow(below, folder)
  if (belowFolder === undefined) throw missing(target)
  try {
    copyFrom(belowFolder, toPath(name), parents.open(folder), target)
  } finally {
    if (belowFolder !== below) close(belowFolder)
  }
}

function copyFrom(fromFolder: number, name: Buffer, toFolder: number, target: ByteString): void {
  let from: number
  try {
    from = openToRead(fromFolder, name)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP', 'ENXIO')) throw missing(target)
    throw error
  }
  try {
    if (!isFileStatus(statAt(from, ''))) throw missing(target)
    copyFile({ folder: fromFolder, name, file: from }, toFolder, name)
  } finally {
    close(from)
  }
}

function adoptFolder(parents: Parents, below: number, path: ByteString): void {
  const original = openBelow(below, path)
  if (original === undefined) return
  try {
    const status = statAt(original, '')
    const folder = openToRead(parents.open(path), SELF, constants.O_DIRECTORY)
    try {
      // An opaque folder is a new one, which only has the name of the one below.
      if (!isFolderStatus(status) || isOpaque(folder, SELF)) return
      chown(folder, status.uid, status.gid)
      for (const [attribute, value] of listXattrs(original, SELF)) {
        if (!isLayerMark(attribute)) setXattr(inFolder(folder, SELF), attribute, value)
      }
      chmod(folder, status.mode & 0o7777)
      setTimes(folder, null, status.modified, status.modified)
    } finally {
      close(folder)
    }
  } finally {
    close(original)
  }
}

function openBelow(below: number, path: ByteString): number | undefined {
  try {
    const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
    return openat2(below, toPath(path), flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}

const missing = (target: ByteString): InvalidParameter =>
  new InvalidParameter(`invalid archive: hard link to ${JSON.stringify(toText(target))}, which is no file`)
