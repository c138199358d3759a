/**
 * Turns an archive into files beneath a folder. What to do with a name that is taken, and with names that mean something
 * else than a file, is for the two that build on it: layer.ts and into.ts.
 */

import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { linkAt, setTimes } from '../../kernel/files.ts'
import { type ByteString, joinPath, splitPath, toPath, toText } from '../tar/byte-string.ts'
import type { Entry } from '../tar/entry.ts'
import type { TarReader } from '../tar/reader.ts'
import { createFile, createFolder, createSpecial, setFolderAttributes } from './create.ts'
import { normalizeName, type Parents } from './parents.ts'

const SELF = toPath('.' as ByteString)

/** Where an entry goes: a name in an open folder. */
export interface Place {
  parent: number
  name: Buffer
  path: ByteString
}

export abstract class Unpacker {
  protected readonly reader: TarReader
  protected readonly parents: Parents
  abstract readonly willSync: boolean
  /** The path beneath the root that the archive's own root stands for. */
  readonly #base: ByteString
  readonly #folders = new Map<ByteString, Entry>()

  constructor(reader: TarReader, parents: Parents, base: ByteString = '' as ByteString) {
    this.reader = reader
    this.parents = parents
    this.#base = base
  }

  /** Unpacks all entries. @throws InvalidParameter for a broken or hostile archive, KernelError */
  async run(): Promise<void> {
    for (let entry = await this.reader.next(); entry !== undefined; entry = await this.reader.next()) {
      await this.entry(entry, this.pathOf(entry.name))
    }
    await this.reader.drain()
    this.#setFolderTimes()
  }

  /** Makes the place for an entry free, or throws. Called when the name is taken; not for a folder over a folder. */
  protected abstract makeRoom(place: Place, entry: Entry): void
  /** A hard link to something that the archive has not (yet) brought. */
  protected abstract linkTargetMissing(path: ByteString, target: ByteString): void

  protected async entry(entry: Entry, path: ByteString): Promise<void> {
    if (path === this.#base) {
      this.#rootFolder(entry)
      return
    }
    const { folder, name } = splitPath(path)
    const place: Place = { parent: this.parents.open(folder), name: toPath(name), path }
    try {
      await this.create(place, entry)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      this.makeRoom(place, entry)
      // Making room may have closed the folder.
      await this.create({ ...place, parent: this.parents.open(folder) }, entry)
    }
  }

  protected async create(place: Place, entry: Entry): Promise<void> {
    if (entry.kind === 'symlink' && (entry.target === '' || entry.target.includes('\0'))) {
      throw new InvalidParameter(`invalid archive: symlink ${JSON.stringify(toText(place.path))} has no valid target`)
    }
    if (entry.kind === 'file') await createFile(place.parent, place.name, entry, this.reader, this)
    else if (entry.kind === 'folder') {
      createFolder(place.parent, place.name, entry)
      this.#folders.set(place.path, entry)
    } else if (entry.kind === 'link') this.#link(place, entry)
    else createSpecial(place.parent, place.name, entry)
  }

  protected pathOf(name: ByteString): ByteString {
    const path = normalizeName(name)
    return path === '' ? this.#base : joinPath(this.#base, path)
  }

  /** A folder that is not there any more gets no times. */
  protected forgetFolder(path: ByteString): void {
    this.#folders.delete(path)
    this.parents.forget()
  }

  #rootFolder(entry: Entry): void {
    if (entry.kind !== 'folder') throw new InvalidParameter('invalid archive: its root is not a folder')
    setFolderAttributes(this.parents.open(this.#base), SELF, entry)
    this.#folders.set(this.#base, entry)
  }

  #link(place: Place, entry: Entry): void {
    const target = this.pathOf(entry.target)
    if (target === place.path) return
    const { folder, name } = splitPath(target)
    const parent = this.parents.find(folder)
    try {
      if (parent === undefined) this.linkTargetMissing(place.path, target)
      else linkAt(parent, toPath(name), place.parent, place.name)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) this.linkTargetMissing(place.path, target)
      else if (hasCode(error, 'EPERM')) {
        throw new InvalidParameter(`invalid archive: hard link to a folder, ${JSON.stringify(toText(target))}`)
      } else throw error
    }
  }

  /** After everything else: each file made in a folder changes the folder's time. */
  #setFolderTimes(): void {
    for (const [path, entry] of this.#folders) {
      const folder = this.parents.open(path)
      setTimes(folder, SELF, entry.accessed ?? entry.modified, entry.modified)
    }
  }
}
