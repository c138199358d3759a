/** Makes one file of an archive, by name in an open folder, with all its attributes but a folder's times. */

import { constants, writeSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { check, hasCode, KernelError } from '../../kernel/errors.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  beginWriting,
  chmod,
  chown,
  chownAt,
  close,
  createAt,
  makeDevice,
  mkdirAt,
  mknodAt,
  O_CLOEXEC,
  O_PATH,
  openat2,
  openToRead,
  setTimes,
  statAt,
  symlinkAt,
} from '../../kernel/files.ts'
import { syscall } from '../../kernel/syscall.ts'
import {
  addCall,
  addressIn,
  beginList,
  FIRST_RESULT,
  inScratch,
  resultAt,
  runList,
  timesInScratch,
} from '../../kernel/syscall-list.ts'
import { inFolder, setXattr } from '../../kernel/xattr.ts'
import { toPath } from '../tar/byte-string.ts'
import type { Entry } from '../tar/entry.ts'
import type { TarReader } from '../tar/reader.ts'
import { isLayerMark } from '../whiteouts.ts'

/** setuid, setgid, sticky */
const SPECIAL_BITS = 0o7000
const S_IFIFO = 0o010000
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC

/** Bytes of a file that the disk gets at once, where all of it is to be synced soon. */
const WRITTEN_AT_ONCE = 4 * 1024 * 1024
/** In smaller files there is nothing to win. */
const SMALLEST_BEGUN = 128 * 1024

export interface CreateOptions {
  /** The tree is synced when it is complete: what is written goes to the disk meanwhile. */
  willSync: boolean
}

/** Makes a regular file with its content. @throws KernelError EEXIST */
export async function createFile(
  parent: number,
  name: Buffer,
  entry: Entry,
  reader: TarReader,
  { willSync }: CreateOptions,
): Promise<void> {
  const content = entry.extents === undefined && entry.xattrs.size === 0 ? reader.contentNow() : undefined
  if (content !== undefined) {
    createSmallFile(parent, name, entry, content, reader)
    return
  }
  const file = createAt(parent, name, entry.mode & ~SPECIAL_BITS)
  try {
    await writeStream(file, entry, reader, willSync)
    if (willSync && entry.storedSize >= SMALLEST_BEGUN) beginWriting(file, 0, 0)
    chown(file, entry.uid, entry.gid)
    setXattrs(parent, name, entry)
    // After chown, which takes setuid and setgid away.
    if ((entry.mode & SPECIAL_BITS) !== 0) chmod(file, entry.mode)
    setTimes(file, null, entry.accessed ?? entry.modified, entry.modified)
  } finally {
    close(file)
  }
}

/** Most files are small and plain: made in one native call. */
function createSmallFile(parent: number, name: Buffer, entry: Entry, content: Buffer, reader: TarReader): void {
  beginList()
  addCall('openat', parent, inScratch(name), CREATE_FLAGS, entry.mode & ~SPECIAL_BITS)
  if (content.length > 0) addCall('write', FIRST_RESULT, addressIn(content), content.length)
  // Always: in a folder with setgid even root's files get the folder's group.
  addCall('fchown', FIRST_RESULT, entry.uid, entry.gid)
  // After chown, which takes setuid and setgid away.
  if ((entry.mode & SPECIAL_BITS) !== 0) addCall('fchmod', FIRST_RESULT, entry.mode)
  addCall('utimensat', FIRST_RESULT, 0, timesInScratch(entry.accessed ?? entry.modified, entry.modified), 0)
  addCall('close', FIRST_RESULT)
  const { succeeded, isComplete } = runList()
  if (succeeded === 0) reader.putBack(content)
  else if (!isComplete) close(resultAt(0))
  if (!isComplete) throw new KernelError('create file', -resultAt(succeeded), { name: name.toString().slice(0, -1) })
  // Only a full disk writes less of a file than it was given.
  if (content.length > 0 && resultAt(1) < content.length) throw new KernelError('write', osConstants.errno.ENOSPC)
}

async function writeStream(file: number, entry: Entry, reader: TarReader, willSync: boolean): Promise<void> {
  if (entry.extents === undefined) {
    let written = 0
    let begun = 0
    for await (const chunk of reader.content()) {
      writeAll(file, chunk, null)
      written += chunk.length
      if (!willSync || written - begun < WRITTEN_AT_ONCE) continue
      beginWriting(file, begun, written - begun)
      begun = written
    }
    return
  }
  const extents = entry.extents.filter(extent => extent.length > 0)
  let index = 0
  let within = 0
  for await (const chunk of reader.content()) {
    for (let at = 0; at < chunk.length; ) {
      const { offset, length } = extents[index]!
      const part = chunk.subarray(at, at + length - within)
      writeAll(file, part, offset + within)
      at += part.length
      within += part.length
      if (within === length) {
        index++
        within = 0
      }
    }
  }
  check('ftruncate', syscall('ftruncate', file, entry.size), { size: entry.size })
}

function writeAll(file: number, bytes: Buffer, position: number | null): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(file, bytes, at, bytes.length - at, position === null ? null : position + at)
  }
}

function createSymlink(parent: number, name: Buffer, entry: Entry): void {
  beginList()
  const link = inScratch(name)
  addCall('symlinkat', inScratch(toPath(entry.target)), parent, link)
  addCall('fchownat', parent, link, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW)
  const times = timesInScratch(entry.accessed ?? entry.modified, entry.modified)
  addCall('utimensat', parent, link, times, AT_SYMLINK_NOFOLLOW)
  const { succeeded, isComplete } = runList()
  if (!isComplete) throw new KernelError('create symlink', -resultAt(succeeded), { name: name.toString().slice(0, -1) })
}

/** Makes what has no content: symlink, device or fifo. @throws KernelError EEXIST */
export function createSpecial(parent: number, name: Buffer, entry: Entry): void {
  if (entry.kind === 'symlink' && entry.xattrs.size === 0) {
    createSymlink(parent, name, entry)
    return
  }
  if (entry.kind === 'symlink') symlinkAt(toPath(entry.target), parent, name)
  else if (entry.kind === 'fifo') mknodAt(parent, name, S_IFIFO | entry.mode, 0n)
  else {
    const type = entry.kind === 'character' ? constants.S_IFCHR : constants.S_IFBLK
    mknodAt(parent, name, type | entry.mode, makeDevice(entry.major, entry.minor))
  }
  chownAt(parent, name, entry.uid, entry.gid)
  if (entry.kind !== 'symlink' && (entry.mode & SPECIAL_BITS) !== 0) chmodNode(parent, name, entry.mode)
  setXattrs(parent, name, entry)
  setTimes(parent, name, entry.accessed ?? entry.modified, entry.modified)
}

/** After chown, which takes setuid and setgid away. By a descriptor: chmod(2) of a name would follow what was put there since. */
function chmodNode(parent: number, name: Buffer, mode: number): void {
  const node = openat2(parent, name, O_PATH | constants.O_NOFOLLOW, 0)
  try {
    const path = `/proc/self/fd/${node}`
    check('fchmodat', syscall('fchmodat', AT_FDCWD, path, mode), { path })
  } finally {
    close(node)
  }
}

/** Makes a folder, or takes one that is there; its times are set last of all (they change with its contents). */
export function createFolder(parent: number, name: Buffer, entry: Entry): { isNew: boolean } {
  const isNew = makeFolder(parent, name, entry.mode)
  setFolderAttributes(parent, name, entry)
  return { isNew }
}

function makeFolder(parent: number, name: Buffer, mode: number): boolean {
  try {
    mkdirAt(parent, name, mode & ~SPECIAL_BITS)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST') && isFolder(parent, name)) return false
    throw error
  }
}

/** Owner, mode and attributes of an existing folder; of the folder `parent` itself by the name '.'. */
export function setFolderAttributes(parent: number, name: Buffer, entry: Entry): void {
  const folder = openFolder(parent, name)
  try {
    chown(folder, entry.uid, entry.gid)
    setXattrs(parent, name, entry)
    chmod(folder, entry.mode)
  } finally {
    close(folder)
  }
}

const openFolder = (parent: number, name: Buffer): number => openToRead(parent, name, constants.O_DIRECTORY)

export const isFolder = (parent: number, name: Buffer): boolean =>
  (statAt(parent, name).mode & constants.S_IFMT) === constants.S_IFDIR

function setXattrs(parent: number, name: Buffer, entry: Entry): void {
  if (entry.xattrs.size === 0) return
  const path = inFolder(parent, name)
  for (const [attribute, value] of entry.xattrs) {
    if (isLayerMark(attribute)) continue
    try {
      setXattr(path, attribute, value)
    } catch (error) {
      // tmpfs has no user attributes before Linux 6.6. All others mean something to the kernel, and must not get lost.
      if (!(attribute.startsWith('user.') && hasCode(error, 'ENOTSUP', 'EOPNOTSUPP'))) throw error
    }
  }
}
