/** A folder in a volume. The volume's content may be hostile: the path is resolved inside of it. See openat2(2). */

import { realpath } from 'node:fs/promises'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, RESOLVE_BENEATH } from '../../kernel/files.ts'

/** @throws InvalidParameter if it is not there or leads out of the volume */
export async function subfolder(volume: string, subpath: string): Promise<string> {
  const root = openat2(AT_FDCWD, volume, O_PATH, 0)
  try {
    const folder = openat2(root, subpath, O_PATH, RESOLVE_BENEATH)
    try {
      return await realpath(`/proc/self/fd/${folder}`)
    } finally {
      close(folder)
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EXDEV', 'ENOTDIR', 'ELOOP')) throw error
    throw new InvalidParameter(`subpath ${subpath} is not a path in the volume`, { cause: error })
  } finally {
    close(root)
  }
}
