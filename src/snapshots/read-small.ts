/** Part of a file by its name beneath an open folder, in one native call. */

import { constants } from 'node:fs'
import { close, O_CLOEXEC, RESOLVE_BENEATH } from '../kernel/files.ts'
import { addCall, addressIn, beginList, FIRST_RESULT, inScratch, resultAt, runList } from '../kernel/syscall-list.ts'

/** struct open_how: flags, mode, resolve. See openat2(2). */
const how = Buffer.alloc(24)
how.writeUInt32LE(constants.O_RDONLY | O_CLOEXEC, 0)
how.writeUInt32LE(RESOLVE_BENEATH, 16)

/** Reads `length` bytes to `memory`. False if that could not be done in one go: then it is to be done in steps. */
export function readSmall(folder: number, name: Buffer, offset: number, length: number, memory: Buffer): boolean {
  beginList()
  addCall('openat2', folder, inScratch(name), inScratch(how), how.length)
  addCall('pread64', FIRST_RESULT, addressIn(memory), length, offset)
  addCall('close', FIRST_RESULT)
  const { succeeded, isComplete } = runList()
  if (succeeded > 0 && !isComplete) close(resultAt(0))
  return isComplete && resultAt(1) === length
}
