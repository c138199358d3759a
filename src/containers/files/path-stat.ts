/** What a path in a container is. Docker follows a symlink when the name ends in a slash or `/.`, and not otherwise. */

import { constants } from 'node:fs'
import { posix } from 'node:path'
import { hasCode, NotFound } from '../../kernel/errors.ts'
import {
  close,
  O_PATH,
  openat2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  readlinkAt,
  statAt,
} from '../../kernel/files.ts'
import type { PathStat } from './types.ts'
import type { Place } from './view.ts'

const RESOLVE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
const { S_IFMT, S_IFLNK, O_NOFOLLOW } = constants

/** A path as the user wrote it: whether its last component, if it is a symlink, is meant or what it leads to. */
export const isFollowed = (asked: string): boolean => /\/\.?$/.test(asked)

/** @throws NotFound with Docker's words */
export function openPlace({ root, path }: Place, asked: string, containerRef: string, extraFlags = 0): number {
  try {
    return openat2(root, path, O_PATH | (isFollowed(asked) ? 0 : O_NOFOLLOW) | extraFlags, RESOLVE)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
    throw new NotFound(`Could not find the file ${asked} in container ${containerRef}`, { cause: error })
  }
}

export function statPlace(place: Place, asked: string, containerRef: string): PathStat {
  const file = openPlace(place, asked, containerRef)
  try {
    const { mode, size, modified } = statAt(file, '')
    const isLink = (mode & S_IFMT) === S_IFLNK
    return {
      name: posix.basename(posix.resolve('/', asked)) || '/',
      size,
      mode,
      modified: rfc3339(modified),
      linkTarget: isLink ? linkTarget(readlinkAt(file, '').toString(), place.path) : '',
    }
  } finally {
    close(file)
  }
}

/** A relative target counts from the folder of the link; none leads out of the container. */
const linkTarget = (target: string, linkPath: string): string => posix.resolve('/', posix.dirname(linkPath), target)

function rfc3339({ s, ns }: { s: number; ns: number }): string {
  const fraction = ns === 0 ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`
  return new Date(s * 1000).toISOString().replace('.000Z', `${fraction}Z`)
}
