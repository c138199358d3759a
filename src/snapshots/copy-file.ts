/** A regular file once more, with everything but its other names. See ioctl_ficlone(2). */

import { readSync, writeSync } from 'node:fs'
import { chmod, chown, close, createAt, type FileName, type FileStatus, setTimes, statAt } from '../kernel/files.ts'
import { syscall } from '../kernel/syscall.ts'
import { inFolder, listXattrs, setXattr } from '../kernel/xattr.ts'
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
    copyContent(file, copy)
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

/** Where the file system can, the copy has the same blocks until one of the two is written to. */
function copyContent(from: number, to: number): void {
  if (syscall('ioctl', to, FICLONE, from) === 0) return
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let count = readSync(from, chunk); count > 0; count = readSync(from, chunk)) {
    for (let at = 0; at < count; ) at += writeSync(to, chunk, at, count - at)
  }
}
