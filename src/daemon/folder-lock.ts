/**
 * One daemon for each data-root, and for each exec-root. The lock belongs to an open file description: it ends with the process, however that ends, and
 * unlike a PID file it can neither be stale nor name a stranger. See fcntl(2), "Open file description locks".
 */

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Conflict, check, hasCode } from '../kernel/errors.ts'
import { syscall } from '../kernel/syscall.ts'

const F_OFD_SETLK = 37
const F_WRLCK = 1
const EAGAIN = 11
const EACCES = 13

/** Keep the handle for as long as the folder is used. @throws Conflict if another daemon has it */
export async function lockFolder(folder: string): Promise<FileHandle> {
  const path = join(folder, 'skiffd.lock')
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  // struct flock: l_type, l_whence (0 is SEEK_SET), padding, l_start, l_len (0 is the whole file), l_pid (must be 0).
  const flock = Buffer.alloc(32)
  flock.writeInt16LE(F_WRLCK, 0)
  const result = syscall('fcntl', file.fd, F_OFD_SETLK, flock)
  if (result === -EAGAIN || result === -EACCES) {
    const owner = (await file.readFile('utf8')).trim()
    await file.close()
    throw new Conflict(`${folder} is in use by another skiffd${owner === '' ? '' : ` (PID ${owner})`}`)
  }
  check('fcntl', result, { path, command: 'F_OFD_SETLK' })
  try {
    await file.truncate(0)
    await file.write(`${process.pid}\n`, 0)
  } catch (error) {
    // The lock is what counts. On a full disk a daemon is needed more than ever: to remove something.
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error
  }
  return file
}
