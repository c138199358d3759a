/** The client's files: received, and unpacked off the main thread. */

import { constants, fstatSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import { AT_FDCWD, close, openat2, RESOLVE_IN_ROOT } from '../kernel/files.ts'
import type { SnapshotRoom } from '../snapshots/service.ts'

export const contextsFolder = (dataRoot: string): string => join(dataRoot, 'build', 'contexts')

/** A folder of a build's own, for its context and what is made on the way. */
export function makeBuildFolder(dataRoot: string): string {
  mkdirSync(contextsFolder(dataRoot), { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(contextsFolder(dataRoot), 'b-'))
  mkdirSync(join(folder, 'context'), { mode: 0o755 })
  mkdirSync(join(folder, 'scratch'), { mode: 0o700 })
  return folder
}

/** @throws InvalidParameter for what is no archive */
export async function receiveContext({ archives }: SnapshotRoom, folder: string, archive: Readable): Promise<void> {
  const root = openat2(AT_FDCWD, folder, constants.O_RDONLY | constants.O_DIRECTORY, 0)
  try {
    await archives.unpack(root, '/', archive)
  } finally {
    close(root)
  }
}

/** Beyond this a file is not read while everybody waits. */
const SMALL_BYTES = 64 << 10

/** A small text file of the context; null if there is none. Symlinks lead nowhere but into the context. */
export async function readInContext(folder: string, path: string): Promise<string | null> {
  const root = openat2(AT_FDCWD, folder, constants.O_RDONLY | constants.O_DIRECTORY, 0)
  try {
    const file = openat2(root, path, constants.O_RDONLY | constants.O_NONBLOCK, RESOLVE_IN_ROOT)
    try {
      const status = fstatSync(file)
      // A fifo has no other end.
      if (!status.isFile()) return null
      if (status.size <= SMALL_BYTES) return readFileSync(file, 'utf8')
      return await readFile(`/proc/self/fd/${file}`, 'utf8')
    } finally {
      close(file)
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return null
    throw error
  } finally {
    close(root)
  }
}

/** @throws InvalidParameter in Docker's words */
export async function readDockerfile(folder: string, path: string): Promise<string> {
  const name = posix.normalize(path || 'Dockerfile')
  if (name.startsWith('../')) {
    throw new InvalidParameter(`Forbidden path outside the build context: ${path} ()`)
  }
  const text = (await readInContext(folder, name)) ?? (path === '' ? await readInContext(folder, 'dockerfile') : null)
  if (text === null) throw new InvalidParameter(`Cannot locate specified Dockerfile: ${name}`)
  if (text === '') throw new InvalidParameter(`the Dockerfile (${name}) cannot be empty`)
  return text
}

/** Clients apply .dockerignore themselves, but send these two whatever it says, as the builder may need them. */
export async function applyIgnore({ workers }: SnapshotRoom, folder: string, dockerfile: string): Promise<void> {
  const text = await readInContext(folder, '.dockerignore')
  if (text === null || text.trim() === '') return
  const names = [posix.normalize(dockerfile || 'Dockerfile'), '.dockerignore'].filter(name => !name.includes('/'))
  await workers.run('removeIgnored', { folder, patterns: text.split(/\r?\n/), names })
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })
