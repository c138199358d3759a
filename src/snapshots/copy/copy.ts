/**
 * Copies files of one tree into another as COPY and ADD do: into an image's root, whose symlinks are followed as a process in it would
 * follow them, and no further. Dockerfile reference, "COPY": what becomes of folders, of several sources, of a trailing slash.
 */

import { constants, createReadStream } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import {
  AT_FDCWD,
  chownAt,
  close,
  linkAt,
  openat2,
  openToRead,
  RESOLVE_IN_ROOT,
  setTimes,
  statAt,
  unlinkAt,
} from '../../kernel/files.ts'
import { type CopiedStatus, copyFile } from '../copy-file.ts'
import { openRoot } from '../merged.ts'
import { describe, kindOf } from '../pack/describe.ts'
import { ByteSource } from '../tar/byte-source.ts'
import { type ByteString, fromText, joinPath, splitPath, toPath, toText } from '../tar/byte-string.ts'
import { decompress } from '../tar/decompress.ts'
import type { Entry } from '../tar/entry.ts'
import { TarReader } from '../tar/reader.ts'
import type { RootMount } from '../types.ts'
import { createFolder, createSpecial } from '../unpack/create.ts'
import { TreeUnpacker } from '../unpack/into.ts'
import { Parents } from '../unpack/parents.ts'
import { type Found, ifThere, isFileStatus, isFolderStatus, walk } from '../walk.ts'
import { withDescriptor } from '../worker/tree-jobs.ts'
import { type FoundFile, withFile } from './find.ts'
import { changeMode, type ModeChange } from './mode.ts'
import { type Matcher, matcher } from './sources.ts'
import { type Tree, withTree } from './tree.ts'

export interface CopyRequest {
  from: Tree
  into: RootMount
  items: CopyItem[]
  exclude: string[]
  /** For all that is made; null: files keep their owner, new folders are root's. */
  owner: { uid: number; gid: number } | null
  /** For files and folders alike; null: as they are. */
  mode: ModeChange | null
  /** A folder that comes into being for another one's content is like that one; else it is as folders are that are made on the way. */
  keepRoot: boolean
}

export interface CopyItem {
  /** Beneath the source's root. As bytes. */
  path: ByteString
  /** Absolute in the target. A folder's content goes into it; a file gets this name, or goes into it if it `isFolder`. */
  target: string
  /** The target names a folder: it ends with a slash, or there are several sources. */
  isFolder: boolean
  /** ADD: an archive is unpacked. */
  unpack: boolean
}

export const copyInto = (request: CopyRequest): Promise<void> =>
  withTree(request.from, source =>
    withDescriptor(openRoot(request.into, true), async target => {
      const copier = new Copier(target, request)
      try {
        for (const item of request.items) await copier.copy(source, item)
      } finally {
        copier.close()
      }
    }),
  )

/** Makes a folder with those above it, where they are missing; they get the owner. */
export const makeFolderIn = (into: RootMount, path: string, owner: CopyRequest['owner']): Promise<void> =>
  withDescriptor(openRoot(into, true), target => {
    const parents: PlainParents = parentsIn(target, path, made => giveTo(owner, parents, made))
    try {
      parents.open(inside(path))
    } finally {
      parents.forget()
    }
  })

/** Beneath the root, without `.`, `..` and empty parts: lexically, as Docker cleans a target. */
export function inside(path: string): ByteString {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return fromText(parts.join('/'))
}

function parentsIn(root: number, shown: string, onCreate: (path: ByteString) => void = () => {}): PlainParents {
  return new PlainParents(new Parents(root, RESOLVE_IN_ROOT, onCreate), shown)
}

/** Parents, whose errors speak of a path and not of an archive. */
class PlainParents {
  readonly #parents: Parents
  readonly #shown: string

  constructor(parents: Parents, shown: string) {
    this.#parents = parents
    this.#shown = shown
  }

  open(path: ByteString): number {
    return this.#worded(() => this.#parents.open(path))
  }

  forget(): void {
    this.#parents.forget()
  }

  #worded<T>(open: () => T): T {
    try {
      return open()
    } catch (error) {
      if (hasCode(error, 'EEXIST', 'ENOTDIR') || error instanceof InvalidParameter) {
        throw new InvalidParameter(`cannot copy to non-directory: ${this.#shown}`, { cause: error })
      }
      throw error
    }
  }
}

function giveTo(owner: CopyRequest['owner'], parents: PlainParents, path: ByteString): void {
  if (owner === null || (owner.uid === 0 && owner.gid === 0)) return
  const { folder, name } = splitPath(path)
  chownAt(parents.open(folder), toPath(name), owner.uid, owner.gid)
}

class Copier {
  readonly #request: CopyRequest
  readonly #root: number
  readonly #parents: PlainParents
  readonly #excluded: Matcher

  constructor(root: number, request: CopyRequest) {
    this.#request = request
    this.#root = root
    this.#excluded = matcher(request.exclude)
    this.#parents = parentsIn(root, request.items[0]?.target ?? '', path =>
      // Folders that come into being on the way belong to whom the files are given.
      giveTo(request.owner, this.#parents, path),
    )
  }

  close(): void {
    this.#parents.forget()
  }

  async copy(source: number, item: CopyItem): Promise<void> {
    const { path, target } = item
    if (item.unpack && (await this.#unpack(source, item))) return
    const copied = withFile(source, path, file => {
      if (isFolderStatus(file.status)) this.#copyFolder(file, inside(target))
      else if (item.isFolder || this.#isFolder(inside(target))) {
        this.#copyOne(file, joinPath(inside(target), splitPath(path).name))
      } else this.#copyOne(file, inside(target))
      return true
    })
    if (copied === undefined) throw new InvalidParameter(`file not found: ${toText(path)}`)
  }

  #isFolder(path: ByteString): boolean {
    if (path === '') return true
    return withFile(this.#root, path, ({ status }) => isFolderStatus(status)) ?? false
  }

  #copyFolder(from: FoundFile, target: ByteString): void {
    const folders: [path: ByteString, entry: Entry][] = []
    const links = new Map<bigint, ByteString>()
    const folder = openToRead(from.folder, from.name, constants.O_DIRECTORY)
    try {
      const isNew = target !== '' && !this.#isFolder(target)
      this.#parents.open(target)
      if (isNew && this.#request.keepRoot) folders.push([target, this.#entryOf({ ...from, path: target }, 'folder')])
      for (const found of walk(folder)) {
        if (this.#excluded(found.path)) continue
        const to = joinPath(target, found.path)
        const entry = this.#copyFound(found, to, links)
        if (entry !== undefined) folders.push([to, entry])
      }
    } finally {
      close(folder)
    }
    // After everything else: each file made in a folder changes the folder's time.
    for (const [path, entry] of folders.reverse()) this.#dress(path, entry)
  }

  #dress(path: ByteString, entry: Entry): void {
    const { folder, name } = splitPath(path)
    const parent = this.#parents.open(folder)
    // Where the target's own symlink leads to a folder, that folder is the one that was filled.
    if (!isFolderStatus(statAt(parent, toPath(name)))) return
    createFolder(parent, toPath(name), entry)
    setTimes(parent, toPath(name), entry.modified, entry.modified)
  }

  /** Answers the folder's entry, which is to be applied when it is filled. */
  #copyFound(found: Found, to: ByteString, links: Map<bigint, ByteString>): Entry | undefined {
    if (isFolderStatus(found.status)) {
      this.#parents.open(to)
      return this.#entryOf({ ...found, path: to }, 'folder')
    }
    const first = found.status.links > 1 ? links.get(found.status.inode) : undefined
    if (first === undefined) {
      this.#copyOne(found, to)
      if (found.status.links > 1) links.set(found.status.inode, to)
      return undefined
    }
    const { folder, name } = splitPath(to)
    this.#makeRoom(this.#parents.open(folder), toPath(name), to)
    const from = splitPath(first)
    linkAt(this.#parents.open(from.folder), toPath(from.name), this.#parents.open(folder), toPath(name))
    return undefined
  }

  #copyOne(file: FoundFile, to: ByteString): void {
    const { folder, name } = splitPath(to)
    const parent = this.#parents.open(folder)
    const target = toPath(name)
    const kind = kindOf(file.status)
    // Sockets belong to processes.
    if (kind === undefined) return
    this.#makeRoom(parent, target, to)
    if (!isFileStatus(file.status)) {
      createSpecial(parent, target, this.#entryOf({ ...file, path: to }, kind))
      return
    }
    const descriptor = openToRead(file.folder, file.name)
    try {
      copyFile(
        { folder: file.folder, name: file.name, file: descriptor },
        parent,
        target,
        this.#ownStatus(file.status.mode),
      )
    } finally {
      close(descriptor)
    }
  }

  #makeRoom(parent: number, name: Buffer, path: ByteString): void {
    const there = ifThere(() => statAt(parent, name))
    if (there === undefined) return
    if (isFolderStatus(there)) {
      throw new InvalidParameter(`cannot overwrite directory "/${toText(path)}" with non-directory`)
    }
    unlinkAt(parent, name)
  }

  #ownStatus(mode: number): CopiedStatus {
    const { owner, mode: asked } = this.#request
    return { ...owner, ...(asked !== null && { mode: (mode & constants.S_IFMT) | changeMode(asked, mode, false) }) }
  }

  #entryOf(found: Found, kind: Entry['kind']): Entry {
    const entry = describe(found, kind)
    const { owner, mode } = this.#request
    const isChanged = mode !== null && kind !== 'symlink'
    return { ...entry, ...owner, ...(isChanged && { mode: changeMode(mode, entry.mode, kind === 'folder') }) }
  }

  /** false: it is no archive. */
  async #unpack(source: number, { path, target }: CopyItem): Promise<boolean> {
    const isFile = withFile(source, path, ({ status }) => isFileStatus(status))
    if (!isFile || !(await isArchive(source, path))) return false
    const base = inside(target)
    this.#parents.open(base)
    const file = openFile(source, path)
    try {
      const { content } = await decompress(readAll(file))
      await new TreeUnpacker(new TarReader(new ByteSource(content)), this.#root, base, {}).unpack()
    } finally {
      close(file)
    }
    return true
  }
}

const openFile = (root: number, path: ByteString): number =>
  openat2(root, toPath(path), constants.O_RDONLY, RESOLVE_IN_ROOT)

async function* readAll(file: number): AsyncGenerator<Buffer> {
  yield* createReadStream('', { fd: openToReopen(file), highWaterMark: 1 << 18 })
}

/** The stream closes what it reads from. */
const openToReopen = (file: number): number => openat2(AT_FDCWD, `/proc/self/fd/${file}`, constants.O_RDONLY, 0)

/** Docker's own test: whether the beginning, decompressed, is a tar's first header. */
async function isArchive(root: number, path: ByteString): Promise<boolean> {
  const file = openFile(root, path)
  try {
    const { content } = await decompress(readAll(file))
    const source = new ByteSource(content)
    try {
      return (await new TarReader(source).next()) !== undefined
    } finally {
      await source.close()
    }
  } catch {
    // Whatever it is: no archive.
    return false
  } finally {
    close(file)
  }
}
