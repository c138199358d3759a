/** What the header X-Docker-Container-Path-Stat says of a file. Engine API reference, "ContainerArchiveInfo". */

import { constants } from 'node:fs'
import type { PathStat } from '../../containers/files/types.ts'

const { S_IFMT, S_IFDIR, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } = constants

/** Go's os.FileMode keeps the permissions where the kernel has them, and everything else in bits of its own. */
const GO = { dir: 2 ** 31, symlink: 2 ** 27, device: 2 ** 26, pipe: 2 ** 25, socket: 2 ** 24, char: 2 ** 21 }
const GO_SPECIAL: [kernel: number, go: number][] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
]
const GO_TYPES: Record<number, number> = {
  [S_IFDIR]: GO.dir,
  [S_IFLNK]: GO.symlink,
  [S_IFBLK]: GO.device,
  [S_IFCHR]: GO.device + GO.char,
  [S_IFIFO]: GO.pipe,
  [S_IFSOCK]: GO.socket,
}

/** Sums instead of bitwise or: the highest bit would make a JavaScript number negative. */
export const goFileMode = (mode: number): number =>
  (mode & 0o777) +
  (GO_TYPES[mode & S_IFMT] ?? 0) +
  GO_SPECIAL.reduce((sum, [kernel, go]) => sum + (mode & kernel ? go : 0), 0)

export const encodePathStat = ({ name, size, mode, modified, linkTarget }: PathStat): string =>
  Buffer.from(JSON.stringify({ name, size, mode: goFileMode(mode), mtime: modified, linkTarget })).toString('base64')
