/**
 * Mount targets as they are in the container's root before it starts. A program follows symlinks of the image that lead somewhere, but
 * cannot make what a dangling one names (/etc/resolv.conf -> /run/systemd/…), nor ask for the mode of what a tmpfs covers.
 * Both are found out here. Nothing rests on it for safety: the program resolves each target anew, inside the root.
 */

import { constants } from 'node:fs'
import { posix } from 'node:path'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import {
  close,
  type FileStatus,
  O_PATH,
  openat2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  readlinkAt,
  statAt,
} from '../kernel/files.ts'
import type { MountSpec } from './spec.ts'

/** As many as the kernel follows: path_resolution(7). */
const MAX_LINKS = 40

/**
 * The same mounts with targets that have no symlinks on their way, and with the mode that a tmpfs takes over from the folder it
 * covers, unless it is given one. `root` is a descriptor of the merged root. @throws InvalidParameter for a loop of symlinks
 */
export function settleMounts(root: number, mounts: readonly MountSpec[]): MountSpec[] {
  const settled: MountSpec[] = []
  for (const mount of mounts) {
    // What lies in another mount is not in the root.
    const covered = settled.some(({ target }) => mount.target.startsWith(`${target}/`))
    settled.push(covered ? mount : settle(root, mount))
  }
  return settled
}

function settle(root: number, mount: MountSpec): MountSpec {
  const { path, status } = locate(root, mount.target)
  if (mount.kind !== 'tmpfs' || status === null || mount.options.some(option => option.startsWith('mode='))) {
    return { ...mount, target: path }
  }
  const mode = (status.mode & 0o7777).toString(8)
  return { ...mount, target: path, options: [...mount.options, `mode=${mode}`] }
}

interface Place {
  /** Without symlinks as far as it exists. */
  path: string
  /** null: missing. */
  status: FileStatus | null
}

function locate(root: number, target: string): Place {
  const done: string[] = []
  const ahead = target.split('/')
  let status: FileStatus | null = null
  let links = 0
  while (ahead.length > 0) {
    const part = ahead.shift() as string
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const found = lookAt(root, [...done, part].join('/'))
    if (found === null) return { path: missing([...done, part, ...ahead]), status: null }
    if (found.link === null) {
      done.push(part)
      status = found.status
      continue
    }
    if (++links > MAX_LINKS) throw new InvalidParameter(`mount target ${target}: too many levels of symbolic links`)
    if (found.link.startsWith('/')) done.length = 0
    ahead.unshift(...found.link.split('/'))
  }
  return { path: `/${done.join('/')}`, status }
}

const missing = (parts: readonly string[]): string => posix.normalize(`/${parts.filter(Boolean).join('/')}`)

/** null: there is nothing. */
function lookAt(root: number, name: string): { status: FileStatus; link: string | null } | null {
  const file = openNode(root, name)
  if (file === null) return null
  try {
    const status = statAt(file, '')
    const isLink = (status.mode & constants.S_IFMT) === constants.S_IFLNK
    return { status, link: isLink ? readlinkAt(file, '').toString() : null }
  } finally {
    close(file)
  }
}

function openNode(root: number, name: string): number | null {
  try {
    return openat2(root, name, O_PATH | constants.O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
