/**
 * What a stack of layers shows, put together from files: for hosts where overlay cannot do it (a data-root that is on an overlay
 * itself). By copies for a root that is written to; by hard links for a view that is only looked at.
 * Rules: the kernel's Documentation/filesystems/overlayfs.rst, "Upper and Lower".
 */

import { close, linkAt, openToRead, RESOLVE_BENEATH, setTimes, statAt, unlinkAt } from '../kernel/files.ts'
import { copyFile } from './copy-file.ts'
import { describe, kindOf } from './pack/describe.ts'
import { removeTree } from './remove-tree.ts'
import { type ByteString, splitPath, toPath } from './tar/byte-string.ts'
import type { Entry } from './tar/entry.ts'
import { createFolder, createSpecial } from './unpack/create.ts'
import { Parents } from './unpack/parents.ts'
import { type Found, ifThere, isFileStatus, isFolderStatus, walk } from './walk.ts'
import { isOpaque, isWhiteout } from './whiteouts.ts'

export type MergeBy = 'copy' | 'link'

/** `layers` are open, lowest first; `target` is an empty folder, whose own attributes stay as they are. */
export function mergeLayers(layers: readonly number[], target: number, by: MergeBy): void {
  const merger = new Merger(target, by)
  try {
    for (const layer of layers) merger.add(layer)
    merger.setFolderTimes()
  } finally {
    merger.close()
  }
}

class Merger {
  readonly #by: MergeBy
  readonly #parents: Parents
  readonly #folders = new Map<ByteString, Entry>()
  /** Files of this layer with several names: where the first one went. */
  readonly #copies = new Map<bigint, ByteString>()

  constructor(target: number, by: MergeBy) {
    this.#by = by
    this.#parents = new Parents(target, RESOLVE_BENEATH, () => {})
  }

  add(layer: number): void {
    this.#copies.clear()
    for (const found of walk(layer)) this.#take(found)
  }

  /** After everything else: each file made in a folder changes the folder's time. */
  setFolderTimes(): void {
    for (const [path, entry] of this.#folders) {
      const { folder, name } = splitPath(path)
      setTimes(this.#parents.open(folder), toPath(name), entry.modified, entry.modified)
    }
  }

  close(): void {
    this.#parents.forget()
  }

  #take(found: Found): void {
    const { folder, name } = splitPath(found.path)
    const to = toPath(name)
    this.#makeRoom(found, this.#parents.open(folder), to)
    const kind = kindOf(found.status)
    if (isWhiteout(found.status) || kind === undefined) return
    // Making room may have closed the folder.
    const parent = this.#parents.open(folder)
    if (kind === 'folder') {
      const entry = describe(found, kind)
      createFolder(parent, to, entry)
      this.#folders.set(found.path, entry)
    } else if (this.#by === 'link') linkAt(found.folder, found.name, parent, to)
    else if (isFileStatus(found.status)) this.#copyFile(found, parent, to)
    else createSpecial(parent, to, describe(found, kind))
  }

  /** Of what the layers below have under the name only a folder stays, if this is one that is merged with it. */
  #makeRoom({ folder, name, path, status }: Found, parent: number, to: Buffer): void {
    const there = ifThere(() => statAt(parent, to))
    if (there === undefined) return
    if (!isFolderStatus(there)) {
      unlinkAt(parent, to)
      return
    }
    if (isFolderStatus(status) && !isOpaque(folder, name)) return
    removeTree(parent, to)
    this.#parents.forget()
    for (const known of this.#folders.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.#folders.delete(known)
    }
  }

  #copyFile(found: Found, parent: number, to: Buffer): void {
    const { inode, links } = found.status
    const first = links > 1 ? this.#copies.get(inode) : undefined
    if (first !== undefined) {
      const { folder, name } = splitPath(first)
      const from = this.#parents.open(folder)
      linkAt(from, toPath(name), this.#parents.open(splitPath(found.path).folder), to)
      return
    }
    const file = openToRead(found.folder, found.name)
    try {
      copyFile({ folder: found.folder, name: found.name, file }, parent, to)
    } finally {
      close(file)
    }
    if (links > 1) this.#copies.set(inode, found.path)
  }
}
