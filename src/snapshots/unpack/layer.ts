/**
 * Unpacks a layer's archive to an empty folder, as overlay wants a layer to be: whiteouts become device nodes, opaque folders
 * get an attribute. Where each content went is written on a tape.
 */

import { constants } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { AT_REMOVEDIR, mkdirAt, RESOLVE_BENEATH, renameAt, statAt, unlinkAt } from '../../kernel/files.ts'
import type { TapeWriter } from '../tape.ts'
import { type ByteString, joinPath, splitPath, toPath, toText } from '../tar/byte-string.ts'
import type { Entry } from '../tar/entry.ts'
import type { TarReader } from '../tar/reader.ts'
import { AUFS_PREFIX, isWhiteout, makeOpaque, makeWhiteout, OPAQUE_MARKER, WHITEOUT_PREFIX } from '../whiteouts.ts'
import { isFolder } from './create.ts'
import { Parents } from './parents.ts'
import { type Place, Unpacker } from './unpacker.ts'

/** What remains to be known of an unpacked layer. Paths are byte strings. */
export interface LayerContents {
  /** Bytes of all files. */
  size: number
  /** The archive has an entry for its root folder. */
  hasRoot: boolean
  /** Folders that no entry announced: their owner and mode are those of the layers below. */
  implicitFolders: ByteString[]
  /** Hard links to files of the layers below. */
  foreignLinks: { path: ByteString; target: ByteString }[]
  /** Files that a later entry of the same archive replaced, by path: the names they have in the folder of displaced files. */
  displaced: Record<string, string[]>
}

export class LayerUnpacker extends Unpacker {
  /** A layer counts when it is on the disk. */
  readonly willSync = true
  readonly #tape: TapeWriter
  readonly #displacedFolder: number
  readonly #implicit: Set<ByteString>
  readonly #displaced = new Map<ByteString, string[]>()
  readonly #contents: LayerContents = { size: 0, hasRoot: false, implicitFolders: [], foreignLinks: [], displaced: {} }
  #displacedCount = 0

  constructor(reader: TarReader, tape: TapeWriter, folder: number, displacedFolder: number) {
    const implicit = new Set<ByteString>()
    super(reader, new Parents(folder, RESOLVE_BENEATH, path => implicit.add(path)))
    this.#implicit = implicit
    this.#tape = tape
    this.#displacedFolder = displacedFolder
  }

  async unpack(): Promise<LayerContents> {
    try {
      await this.run()
    } finally {
      this.parents.forget()
    }
    this.#contents.implicitFolders = [...this.#implicit]
    this.#contents.displaced = Object.fromEntries(this.#displaced)
    return this.#contents
  }

  protected override async entry(entry: Entry, path: ByteString): Promise<void> {
    const { folder, name } = splitPath(path)
    if (name.startsWith(WHITEOUT_PREFIX)) {
      this.#whiteout(folder, name)
      return
    }
    await super.entry(entry, path)
    if (path === '') this.#contents.hasRoot = true
    else if (entry.kind === 'folder') this.#implicit.delete(path)
    else if (entry.kind === 'file') this.#record(entry, path)
    await this.#tape.settle()
  }

  protected override linkTargetMissing(path: ByteString, target: ByteString): void {
    this.#contents.foreignLinks.push({ path, target })
  }

  protected override makeRoom({ parent, name, path }: Place, entry: Entry): void {
    const there = statAt(parent, name)
    if (isWhiteout(there)) {
      unlinkAt(parent, name)
      // The whiteout hid all of the folder below; now the new folder must.
      if (entry.kind === 'folder') {
        mkdirAt(parent, name, 0o755)
        makeOpaque(parent, name)
      }
    } else if ((there.mode & constants.S_IFMT) !== constants.S_IFDIR) {
      const kept = String(this.#displacedCount++)
      renameAt(parent, name, this.#displacedFolder, toPath(kept as ByteString))
      this.#displaced.set(path, [...(this.#displaced.get(path) ?? []), kept])
      // It may have been a symlink that open folders were reached through.
      this.parents.forget()
    } else this.#removeEmptyFolder({ parent, name, path })
  }

  #removeEmptyFolder({ parent, name, path }: Place): void {
    try {
      unlinkAt(parent, name, AT_REMOVEDIR)
    } catch (error) {
      if (!hasCode(error, 'ENOTEMPTY')) throw error
      const shown = JSON.stringify(toText(path))
      throw new InvalidParameter(`invalid archive: ${shown} is both a folder with files and something else`)
    }
    this.forgetFolder(path)
    this.#implicit.delete(path)
  }

  /** Hides a name of the layers below; what this layer itself has under the name stays. */
  #whiteout(folder: ByteString, name: ByteString): void {
    if (name === OPAQUE_MARKER) makeOpaque(this.parents.open(folder), SELF)
    if (name.startsWith(AUFS_PREFIX)) return
    const hidden = name.slice(WHITEOUT_PREFIX.length) as ByteString
    if (hidden === '' || hidden === '.' || hidden === '..') {
      throw new InvalidParameter(`invalid archive: bad whiteout ${JSON.stringify(toText(joinPath(folder, name)))}`)
    }
    const parent = this.parents.open(folder)
    try {
      makeWhiteout(parent, toPath(hidden))
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      if (isFolder(parent, toPath(hidden))) makeOpaque(parent, toPath(hidden))
    }
  }

  #record(entry: Entry, path: ByteString): void {
    this.#contents.size += entry.size
    const generation = this.#displaced.get(path)?.length ?? 0
    for (const { offset, length } of entry.extents ?? [{ offset: 0, length: entry.storedSize }]) {
      this.#tape.file(path, generation, offset, length)
    }
  }
}

const SELF = toPath('.' as ByteString)
