/** A regular file once more, with everything but its other names. See ioctl_ficlone(2), copy_file_range(2). */

import { readSync, writeSync } from 'node:fs'
import { check } from '../kernel/errors.ts'
import { chmod, chown, close, createAt, type FileName, type FileStatus, setTimes, statAt } from '../kernel/files.ts'
import { syscall } from '../kernel/syscall.ts'
import { inFolder, listXattrs, setXattr } from '../kernel/xattr.ts'
import { extentsOf } from './pack/sparse.ts'
import { isLayerMark } from './whiteouts.ts'

const FICLONE = 0x40049409
const CHUNK_BYTES = 1 << 20

/** A file that is open for reading, and the name that it was opened by. */
export interface SourceFile {
  folder: number
  name: FileName
  file: number
}

/** What the copy has of its own. */
export type CopiedStatus = Partial<Pick<FileStatus, 'uid' | 'gid' | 'mode'>>

/** @throws KernelError EEXIST */
export function copyFile(
  { folder, name, file }: SourceFile,
  toFolder: number,
  toName: FileName,
  own: CopiedStatus = {},
): void {
  const status = { ...statAt(file, ''), ...own }
  const copy = createAt(toFolder, toName, 0o600)
  try {
    copyContent(file, copy, status)
    chown(copy, status.uid, status.gid)
    for (const [attribute, value] of listXattrs(folder, name)) {
      if (!isLayerMark(attribute)) setXattr(inFolder(toFolder, toName), attribute, value)
    }
    // After chown, which takes setuid and setgid away.
    chmod(copy, status.mode & 0o7777)
    setTimes(copy, null, status.modified, status.modified)
  } finally {
    close(copy)
  }
}

/** Where the file system can, the copy has the same blocks until one of the two is written to; holes stay holes. */
function copyContent(from: number, to: number, status: FileStatus): void {
  if (syscall('ioctl', to, FICLONE, from) === 0) return
  const extents = extentsOf(from, status)
  if (extents === undefined) {
    copyRange(from, to, 0, Number.POSITIVE_INFINITY)
    return
  }
  for (const { offset, length } of extents) copyRange(from, to, offset, offset + length)
  check('ftruncate', syscall('ftruncate', to, status.size), { size: status.size })
}

/** In the kernel, without a way through this process. See copy_file_range(2). */
function copyRange(from: number, to: number, start: number, end: number): void {
  check('lseek', syscall('lseek', from, start, SEEK_SET))
  check('lseek', syscall('lseek', to, start, SEEK_SET))
  for (let at = start; at < end; ) {
    const count = syscall('copy_file_range', from, null, to, null, Math.min(MOST_AT_ONCE, end - at), 0)
    if (count === 0) return
    if (count < 0) {
      // Some kernels and file systems cannot, or not from one to the other; what really fails does so again.
      readAndWrite(from, to, at, end)
      return
    }
    at += count
  }
}

const SEEK_SET = 0
const MOST_AT_ONCE = 1 << 30

function readAndWrite(from: number, to: number, start: number, end: number): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let at = start; at < end; ) {
    const count = readSync(from, chunk, 0, Math.min(CHUNK_BYTES, end - at), at)
    if (count === 0) return
    for (let done = 0; done < count; ) done += writeSync(to, chunk, done, count - done, at + done)
    at += count
  }
}
