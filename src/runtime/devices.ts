/** Device nodes of the host, as a container gets them: for --device and --privileged. See inode(7), makedev(3). */

import type { Stats } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import type { DeviceNode } from './spec.ts'

/** Mounts and nodes of the host's own /dev that mean something else in a container: it has its own. */
const NOT_THE_CONTAINERS = new Set(['pts', 'ptmx', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console'])
const MAX_DEPTH = 8

/** Every device node below the host's /dev. What vanishes while we look is left out. */
export const hostDevices = (): Promise<DeviceNode[]> => walk('/dev', '/dev', MAX_DEPTH, NOT_THE_CONTAINERS)

/**
 * A path of `--device PATH_ON_HOST:PATH_IN_CONTAINER`: one node, or all of a folder's. A symlink (/dev/disk/by-id/…) stands for
 * what it points to. @throws InvalidParameter in Docker's words
 */
export async function devicesFor(pathOnHost: string, pathInContainer: string): Promise<DeviceNode[]> {
  const status = await stat(pathOnHost).catch((cause: unknown) => {
    if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause
    throw new InvalidParameter(
      `error gathering device information while adding custom device "${pathOnHost}": no such file or directory`,
      { cause },
    )
  })
  const nodes = status.isDirectory()
    ? await walk(pathOnHost, pathInContainer, MAX_DEPTH, new Set())
    : [nodeOf(status, pathInContainer)].filter(node => node !== null)
  if (nodes.length === 0) {
    throw new InvalidParameter(
      `error gathering device information while adding custom device "${pathOnHost}": not a device node`,
    )
  }
  return nodes
}

async function walk(folder: string, as: string, depth: number, skip: ReadonlySet<string>): Promise<DeviceNode[]> {
  if (depth === 0) return []
  const names = await readdir(folder).catch(() => [])
  const wanted = names.filter(name => !skip.has(name)).sort()
  const found = await Promise.all(
    wanted.map(async name => {
      const path = join(folder, name)
      const status = await lstat(path).catch(() => null)
      if (!status) return []
      if (status.isDirectory()) return walk(path, join(as, name), depth - 1, new Set())
      const node = nodeOf(status, join(as, name))
      return node ? [node] : []
    }),
  )
  return found.flat()
}

function nodeOf(status: Stats, path: string): DeviceNode | null {
  const type = status.isCharacterDevice() ? 'c' : status.isBlockDevice() ? 'b' : status.isFIFO() ? 'p' : null
  if (type === null) return null
  const { uid, gid, mode } = status
  return { path, type, ...deviceNumbers(status.rdev), mode: mode & 0o7777, uid, gid }
}

/** gnu_dev_major(3): glibc's encoding, which stat(2)'s st_rdev comes in. */
const deviceNumbers = (rdev: number): { major: number; minor: number } => {
  const number = BigInt(rdev)
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn)),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xffffff00n)),
  }
}
