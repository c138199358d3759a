/** Goes through a tree of files by folder descriptors, in the order of names' bytes, folders before what is in them. */

import { constants, readdirSync } from 'node:fs'
import { hasCode } from '../kernel/errors.ts'
import { close, type FileStatus, openToRead } from '../kernel/files.ts'
import { type FolderEntry, scanFolder } from '../kernel/scan-folder.ts'
import { type ByteString, joinPath, toPath } from './tar/byte-string.ts'

export interface Found {
  folder: number
  /** NUL-terminated. */
  name: Buffer
  path: ByteString
  status: FileStatus
}

const kind = ({ mode }: FileStatus): number => mode & constants.S_IFMT
export const isFolderStatus = (status: FileStatus): boolean => kind(status) === constants.S_IFDIR
export const isFileStatus = (status: FileStatus): boolean => kind(status) === constants.S_IFREG

/** Everything beneath an open folder, not the folder itself. What vanishes meanwhile is left out. */
export function* walk(folder: number): Generator<Found> {
  // O_PATH descriptors cannot be listed.
  yield* walkOpened(openToRead(folder, SELF, constants.O_DIRECTORY), '' as ByteString)
}

/** Closes the folder. */
function* walkOpened(folder: number, path: ByteString): Generator<Found> {
  try {
    for (const { text, name, status } of scanFolder(folder).sort(byName)) {
      const found: Found = { folder, name, path: joinPath(path, text as ByteString), status }
      yield found
      if (!isFolderStatus(status)) continue
      const child = ifThere(() => openToRead(folder, name, constants.O_DIRECTORY))
      if (child !== undefined) yield* walkOpened(child, found.path)
    }
  } finally {
    close(folder)
  }
}

const SELF = toPath('.' as ByteString)

const byName = (a: FolderEntry, b: FolderEntry): number => (a.text < b.text ? -1 : 1)

/** The names in an open folder, sorted. */
export const namesIn = (folder: number): ByteString[] =>
  readdirSync(`/proc/self/fd/${folder}`, { encoding: 'latin1' }).sort() as ByteString[]

/** A running container may take away what was just listed, or put something else in its place. */
export function ifThere<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}
