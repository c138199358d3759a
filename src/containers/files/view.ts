/**
 * A container's tree as the daemon may touch it: descriptors of root folders in which the kernel resolves every name
 * (openat2, RESOLVE_IN_ROOT). Nothing of the container is run, no path is joined from strings (CVE-2018-15664, CVE-2019-14271).
 */

import { constants } from 'node:fs'
import { posix } from 'node:path'
import { Conflict, Forbidden } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2 } from '../../kernel/files.ts'
import { type IdMap, idMapOf } from '../../kernel/namespaces.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import type { ContainerMount } from '../store/record.ts'

/** Where a path lies: in which root, and under which name there. */
export interface Place {
  /** Descriptor of a root folder; valid until the view is closed. */
  root: number
  /** Absolute within it. */
  path: string
  writable: boolean
  /** What the ids of its files are inside; null: they are the same. */
  ids: IdMap | null
}

export class View {
  private readonly open: number[] = []

  constructor(
    private readonly context: Context,
    private readonly container: LiveContainer,
  ) {}

  /**
   * A running container's own root, with everything that is mounted in it; for one that does not run the merged layers, and its
   * volumes in their places.
   */
  place(path: string, purpose: 'read' | 'write'): Place {
    const cleaned = posix.resolve('/', path)
    const mount = this.mountAt(cleaned)
    const writable = mount ? mount.rw : !this.container.config.hostConfig.readonlyRootfs
    if (purpose === 'write' && !writable)
      throw new Forbidden(mount ? 'mounted volume is marked read-only' : 'container rootfs is marked read-only')
    const pid = this.container.process?.handle.started.pid
    if (pid !== undefined) {
      const root = this.keep(openFolder(`/proc/${pid}/root`))
      return { root, path: cleaned, writable, ids: idMapOf(pid) }
    }
    if (!mount) return { root: this.keep(this.merged(purpose)), path: cleaned, writable, ids: null }
    if (mount.type === 'tmpfs')
      throw new Conflict(`${mount.destination} is in memory: it exists while the container runs only`)
    const inside = posix.join('/', posix.relative(mount.destination, cleaned))
    return { root: this.keep(openFolder(mount.source)), path: inside, writable, ids: null }
  }

  [Symbol.dispose](): void {
    for (const fd of this.open) close(fd)
  }

  private merged(purpose: 'read' | 'write'): number {
    const { root } = this.container
    if (!root) throw new Conflict(`container ${this.container.id} has no root file system`)
    return this.context.rooms.snapshots.openMerged(root, { writable: purpose === 'write' })
  }

  /** The mount that covers a path: of several the deepest. */
  private mountAt(path: string): ContainerMount | undefined {
    return this.container.config.mounts
      .filter(({ destination }) => path === destination || path.startsWith(`${destination.replace(/\/$/, '')}/`))
      .sort((a, b) => b.destination.length - a.destination.length)[0]
  }

  private keep(fd: number): number {
    this.open.push(fd)
    return fd
  }
}

const openFolder = (path: string): number => openat2(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY, 0)
