/** How much a folder holds, as du(1) --apparent-size counts: each file once, however many names it has. */

import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../kernel/errors.ts'

/** In bytes. What disappears while it is counted does not count. */
export async function folderSize(folder: string): Promise<number> {
  const seen = new Set<string>()
  let bytes = 0
  const pending = [folder]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    try {
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const child = join(path, entry.name)
        if (entry.isDirectory()) pending.push(child)
        if (!entry.isFile()) continue
        const { dev, ino, nlink, size } = await lstat(child)
        const key = `${dev}:${ino}`
        if (nlink > 1 && seen.has(key)) continue
        if (nlink > 1) seen.add(key)
        bytes += size
      }
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
    }
  }
  return bytes
}
