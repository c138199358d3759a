/** The PID file: for service managers and people. What keeps a second daemon away is the lock on the data-root. */

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export async function writePidFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${process.pid}\n`, { mode: 0o644 })
}

export const removePidFile = (path: string): Promise<void> => rm(path, { force: true })
