/**
 * The layer below everybody's layers: where a container's own files and file systems are mounted, so that a start makes nothing in
 * the container's folder, and `diff` and `commit` show what the container did and nothing else. Docker's name for the same is the
 * init layer. What an image has of these lies above, and counts.
 */

import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../kernel/errors.ts'

const FOLDERS = ['dev', 'dev/pts', 'dev/shm', 'etc', 'proc', 'sys']
const FILES = ['dev/console', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf', '.dockerenv']

/** Makes what is missing of it. */
export async function furnishLowestLayer(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const name of FOLDERS) await mkdir(join(folder, name), { recursive: true, mode: 0o755 })
  for (const name of FILES) await writeFile(join(folder, name), '', { mode: 0o755, flag: 'a' })
  try {
    await symlink('/proc/mounts', join(folder, 'etc/mtab'))
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}
