/** What is in a folder, with the status of each: getdents64(2) and statx(2), for many files at once. See native/library/scan.c. */

import { check } from './errors.ts'
import { decodeStatus, type FileStatus, STATX_SIZE } from './files.ts'
import { scanFolderNative } from './native.ts'

/** Not less than native/library/scan.c demands. */
const ROOM = 128 * 1024

let records: Buffer | undefined

export interface FolderEntry {
  /** The bytes, one character for each. */
  text: string
  /** NUL-terminated. */
  name: Buffer
  status: FileStatus
}

/** All files of a folder that is open for reading, read from where it stands; in no order. @throws KernelError */
export function scanFolder(folder: number): FolderEntry[] {
  // Kept for the next one; only threads that look into folders have it.
  records ??= Buffer.allocUnsafeSlow(ROOM)
  const found: FolderEntry[] = []
  for (;;) {
    const used = check('getdents64', scanFolderNative(folder, records), { folder })
    if (used === 0) return found
    for (let at = 0; at < used; ) {
      const begin = at + STATX_SIZE
      const end = records.indexOf(0, begin)
      const name = Buffer.from(records.subarray(begin, end + 1))
      found.push({ text: name.toString('latin1', 0, end - begin), name, status: decodeStatus(records, at) })
      at = (end + 1 + 7) & ~7
    }
  }
}
