/**
 * Unpacks an archive into a tree that is in use, for `docker cp`. Symlinks in the way are followed as the container itself
 * would follow them: within its root (CVE-2018-15664, CVE-2019-14271: a container that swaps a folder for a symlink meanwhile).
 */

import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import { RESOLVE_IN_ROOT, statAt, unlinkAt } from '../../kernel/files.ts'
import { type IdMap, toOutside } from '../../kernel/namespaces.ts'
import { removeTree } from '../remove-tree.ts'
import { type ByteString, toText } from '../tar/byte-string.ts'
import type { Entry } from '../tar/entry.ts'
import type { TarReader } from '../tar/reader.ts'
import type { UnpackOptions } from '../types.ts'
import { isFolderStatus } from '../walk.ts'
import { Parents } from './parents.ts'
import { type Place, Unpacker } from './unpacker.ts'

export class TreeUnpacker extends Unpacker {
  readonly willSync = false
  readonly #options: UnpackOptions
  readonly #base: ByteString

  /** `root` is the container's root, `base` the path in it that the archive goes to: a folder. */
  constructor(reader: TarReader, root: number, base: ByteString, options: UnpackOptions) {
    super(reader, new Parents(root, RESOLVE_IN_ROOT, () => {}), base)
    this.#base = base
    this.#options = options
  }

  async unpack(): Promise<void> {
    try {
      await this.run()
    } finally {
      this.parents.forget()
    }
  }

  protected override async entry(entry: Entry, path: ByteString): Promise<void> {
    // The folder that the archive goes to stays as it is.
    if (path === this.#base) return
    if (this.#options.owner) Object.assign(entry, this.#options.owner)
    if (this.#options.ids) moveOutside(entry, this.#options.ids)
    await super.entry(entry, path)
  }

  protected override makeRoom({ parent, name, path }: Place, entry: Entry): void {
    const isFolder = isFolderStatus(statAt(parent, name))
    if (this.#options.keepKind && isFolder !== (entry.kind === 'folder')) {
      const shown = JSON.stringify(`/${toText(path)}`)
      throw new Conflict(
        isFolder
          ? `cannot overwrite directory ${shown} with non-directory`
          : `cannot overwrite non-directory ${shown} with directory`,
      )
    }
    if (isFolder) removeTree(parent, name)
    else unlinkAt(parent, name)
    this.forgetFolder(path)
  }

  protected override linkTargetMissing(_path: ByteString, target: ByteString): void {
    throw new InvalidParameter(`invalid archive: hard link to ${JSON.stringify(toText(target))}, which is missing`)
  }
}

/** @throws InvalidParameter for ids that the user namespace has not */
function moveOutside(entry: Entry, { uids, gids }: IdMap): void {
  const [uid, gid] = [toOutside(uids, entry.uid), toOutside(gids, entry.gid)]
  if (uid === undefined || gid === undefined) {
    const shown = JSON.stringify(toText(entry.name))
    throw new InvalidParameter(
      `${shown} belongs to ${entry.uid}:${entry.gid}, which is beyond the range of userns-remap`,
    )
  }
  Object.assign(entry, { uid, gid })
}
