/** A folder that lies in memory: secrets are written nowhere else. See tmpfs(5), statfs(2). */

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, Unavailable } from '../../kernel/errors.ts'

const TMPFS_MAGIC = 0x01021994
const RAMFS_MAGIC = 0x858458f6

/** Instances beside each other keep theirs apart. */
const prefixOf = (dataRoot: string): string =>
  `skiff-build-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}-`

const candidates = (execRoot: string): string[] => [execRoot, '/dev/shm', '/run']

function isInMemory(folder: string): boolean {
  try {
    return [TMPFS_MAGIC, RAMFS_MAGIC].includes(statfsSync(folder).type)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** @throws Unavailable */
export function makeMemoryFolder({ dataRoot, execRoot }: { dataRoot: string; execRoot: string }): string {
  const base = candidates(execRoot).find(isInMemory)
  if (base === undefined) {
    throw new Unavailable('no file system in memory was found for secrets: mount a tmpfs on /run or /dev/shm')
  }
  return mkdtempSync(join(base, prefixOf(dataRoot)))
}

export const removeMemoryFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** What a daemon that was killed has left. */
export async function removeLeftMemory({ dataRoot, execRoot }: { dataRoot: string; execRoot: string }): Promise<void> {
  for (const base of candidates(execRoot)) {
    const names = await readdir(base).catch(() => [])
    for (const name of names.filter(name => name.startsWith(prefixOf(dataRoot)))) {
      await rm(join(base, name), { recursive: true, force: true })
    }
  }
}
