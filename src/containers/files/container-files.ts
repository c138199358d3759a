/** `docker cp`, `diff` and `export`. Contract: types.ts. */

import { constants } from 'node:fs'
import type { Readable } from 'node:stream'
import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import { close, statAt } from '../../kernel/files.ts'
import type { Archives, Change } from '../../snapshots/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { openPlace, statPlace } from './path-stat.ts'
import type { ContainerFiles, PathStat, PutOptions } from './types.ts'
import { View } from './view.ts'

export interface FilesDependencies {
  archives: Archives
  /** The ids of the container's user, as its own passwd says. */
  ownerOf(container: LiveContainer): Promise<{ uid: number; gid: number }>
}

export class Files implements ContainerFiles {
  constructor(
    private readonly context: Context,
    private readonly dependencies: FilesDependencies,
  ) {}

  async stat(ref: string, path: string): Promise<PathStat> {
    const container = this.context.find(ref)
    using view = new View(this.context, container)
    return statPlace(view.place(path, 'read'), path, ref)
  }

  async read(ref: string, path: string): Promise<{ stat: PathStat; archive: Readable }> {
    const container = this.context.find(ref)
    using view = new View(this.context, container)
    const place = view.place(path, 'read')
    const stat = statPlace(place, path, ref)
    this.emit(container, 'archive-path')
    // `cp C:/folder/.` asks for the content without the folder's name.
    const as = path.endsWith('/.') ? '.' : stat.name
    // What the slash at its end makes of a symlink has been decided: pack takes the folder itself.
    const target = openPlace(place, path, ref)
    try {
      const isFolder = (stat.mode & constants.S_IFMT) === constants.S_IFDIR
      return {
        stat,
        archive: isFolder
          ? this.dependencies.archives.pack(target, '/', as, place.ids)
          : this.dependencies.archives.pack(place.root, place.path, as, place.ids),
      }
    } finally {
      close(target)
    }
  }

  /** In the container's queue: two overlays on one upper folder (this one and that of a start) must not exist at once. */
  write(ref: string, path: string, archive: Readable, options: PutOptions): Promise<void> {
    const container = this.context.find(ref)
    return container.queue.run(async () => {
      using view = new View(this.context, container)
      const place = view.place(path, 'write')
      const folder = openPlace(place, path.endsWith('/') ? path : `${path}/`, ref)
      try {
        const isFolder = (statAt(folder, '').mode & constants.S_IFMT) === constants.S_IFDIR
        if (!isFolder) throw new InvalidParameter('extraction point is not a directory')
        await this.dependencies.archives.unpack(folder, '/', archive, {
          keepKind: options.noOverwriteDirNonDir,
          ids: place.ids,
          ...(options.copyUidGid ? { owner: await this.dependencies.ownerOf(container) } : {}),
        })
      } finally {
        close(folder)
      }
      this.emit(container, 'extract-to-dir')
    })
  }

  async changes(ref: string): Promise<Change[]> {
    return this.context.rooms.snapshots.changes(this.root(this.context.find(ref)))
  }

  async export(ref: string): Promise<Readable> {
    const container = this.context.find(ref)
    if (container.state.dead || container.removing)
      throw new Conflict(`You cannot export container ${container.id} which is being removed`)
    this.emit(container, 'export')
    return this.context.rooms.snapshots.packTree(this.root(container))
  }

  private root(container: LiveContainer): NonNullable<LiveContainer['root']> {
    if (!container.root) throw new Conflict(`container ${container.id} has no root file system`)
    return container.root
  }

  private emit(container: LiveContainer, action: string): void {
    this.context.emit(container, action)
  }
}
