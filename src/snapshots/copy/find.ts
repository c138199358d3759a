/**
 * Names in a tree that somebody else has filled: wildcards as Go's filepath.Match has them, and symlinks that are followed inside of
 * the tree alone, by the kernel (a hostile context or image must not show files of the host). See openat2(2).
 */

import { constants } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import {
  close,
  type FileStatus,
  O_PATH,
  openat2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  readlinkAt,
  statAt,
} from '../../kernel/files.ts'
import { type ByteString, fromBytes, joinPath, splitPath, toPath } from '../tar/byte-string.ts'
import { namesIn } from '../walk.ts'

const MAX_LINKS = 40
const SELF = '.' as ByteString

/** A file by an open folder, which the finder closes, and its name there. It is no symlink. */
export interface FoundFile {
  folder: number
  name: Buffer
  status: FileStatus
}

/** What a path stands for, symlinks followed; undefined if there is nothing. `use` must not keep the folder. */
export function withFile<T>(root: number, path: ByteString, use: (file: FoundFile) => T): T | undefined {
  let at = path
  for (let links = 0; links < MAX_LINKS; links++) {
    const { folder: parent, name } = splitPath(at)
    // The parent of '..' and '.' is not what stands before them.
    const plain = name !== '' && name !== '.' && name !== '..'
    const folder = openFolder(root, plain ? parent || SELF : at || SELF)
    if (folder === undefined) return undefined
    try {
      const file = toPath(plain ? name : SELF)
      const status = statOf(folder, file)
      if (status === undefined) return undefined
      if ((status.mode & constants.S_IFMT) !== constants.S_IFLNK) return use({ folder, name: file, status })
      const target = fromBytes(readlinkAt(folder, file))
      at = (target.startsWith('/') ? target.slice(1) : joinPath(parent, target)).replace(/\/+$/, '') as ByteString
    } finally {
      close(folder)
    }
  }
  throw new InvalidParameter(`too many links: ${path}`)
}

export function openFolder(root: number, path: ByteString): number | undefined {
  try {
    const flags = O_PATH | constants.O_DIRECTORY
    return openat2(root, toPath(path), flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}

function statOf(folder: number, name: Buffer): FileStatus | undefined {
  try {
    return statAt(folder, name)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

export const hasWildcard = (path: string): boolean => /[*?[\\]/.test(path)

/** Paths beneath the root that a pattern stands for, sorted. */
export function glob(root: number, pattern: ByteString): ByteString[] {
  let found: ByteString[] = ['' as ByteString]
  for (const segment of pattern.split('/') as ByteString[]) {
    if (!hasWildcard(segment)) found = found.map(folder => joinPath(folder, segment))
    else {
      const expression = segmentPattern(segment)
      found = found.flatMap(folder =>
        namesAt(root, folder)
          .filter(name => expression.test(name))
          .map(name => joinPath(folder, name)),
      )
    }
  }
  return found.filter(path => withFile(root, path, () => true))
}

function namesAt(root: number, path: ByteString): ByteString[] {
  const folder = openFolder(root, path || SELF)
  if (folder === undefined) return []
  try {
    return namesIn(folder)
  } finally {
    close(folder)
  }
}

/** Go's filepath.Match for what stands between two slashes. @throws InvalidParameter */
export function segmentPattern(segment: string): RegExp {
  let source = ''
  for (let at = 0; at < segment.length; at++) {
    const char = segment[at]!
    if (char === '*') source += '[^/]*'
    else if (char === '?') source += '[^/]'
    else if (char === '\\' && at + 1 < segment.length) source += literal(segment[++at]!)
    else if (char === '[') {
      const end = segment.indexOf(']', at + 2)
      if (end < 0) throw new InvalidParameter('syntax error in pattern')
      const inside = segment.slice(at + 1, end)
      source += `[${inside.startsWith('^') ? '^' : ''}${inside.replace(/^\^/, '').replace(/[\\\]^]/g, '\\$&')}]`
      at = end
    } else source += literal(char)
  }
  return new RegExp(`^${source}$`, 's')
}

const literal = (char: string): string => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
