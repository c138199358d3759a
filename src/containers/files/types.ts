/** A container's files from outside: `docker cp`, `diff` and `export`. */

import type { Readable } from 'node:stream'
import type { Change } from '../../snapshots/types.ts'

/** What X-Docker-Container-Path-Stat says of a path. */
export interface PathStat {
  /** The last component. */
  name: string
  /** In bytes. */
  size: number
  /** As the kernel has it: S_IFMT and the permission bits. */
  mode: number
  /** RFC 3339 with nanoseconds. */
  modified: string
  /** Of a symlink: where it leads within the container; '' otherwise. */
  linkTarget: string
}

export interface PutOptions {
  /** Refuse to put a folder in the place of a file, and the reverse. */
  noOverwriteDirNonDir: boolean
  /** Give what is written to the container's own user. */
  copyUidGid: boolean
}

/** `ref` as in ContainerService. Paths are resolved inside the container, whatever its links say (CVE-2018-15664). */
export interface ContainerFiles {
  /** @throws NotFound */
  stat(ref: string, path: string): Promise<PathStat>
  /** A tar of the file or folder; its entries begin with the path's last component. @throws NotFound */
  read(ref: string, path: string): Promise<{ stat: PathStat; archive: Readable }>
  /** Unpacks a tar, in any compression, into a folder that exists. @throws NotFound, InvalidParameter, Forbidden, Conflict */
  write(ref: string, path: string, archive: Readable, options: PutOptions): Promise<void>
  /** What differs from the image. */
  changes(ref: string): Promise<Change[]>
  /** The whole tree, without volumes. */
  export(ref: string): Promise<Readable>
}
