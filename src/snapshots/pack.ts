/** Turns files into an archive: a whole tree, or the upper folder of an overlay as a layer. */

import { constants, readSync } from 'node:fs'
import { check, KernelError } from '../kernel/errors.ts'
import {
  close,
  decodeStatus,
  type FileStatus,
  O_CLOEXEC,
  openToRead,
  readlinkAt,
  STATX_BASIC_STATS,
  STATX_FLAGS,
  STATX_SIZE,
  statAt,
} from '../kernel/files.ts'
import { type IdMap, toInside } from '../kernel/namespaces.ts'
import { syscall } from '../kernel/syscall.ts'
import {
  addCall,
  addressIn,
  beginList,
  FIRST_RESULT,
  inScratch,
  resultAt,
  room,
  runList,
} from '../kernel/syscall-list.ts'
import { listXattrs } from '../kernel/xattr.ts'
import { compareTrees } from './changes.ts'
import { type ByteString, fromBytes, joinPath, splitPath, toPath } from './tar/byte-string.ts'
import { BLOCK, type Entry, type EntryKind, type Extent, padding } from './tar/entry.ts'
import { END_OF_ARCHIVE, encodeEntry } from './tar/writer.ts'
import { type Found, ifThere, isFolderStatus, walk } from './walk.ts'
import { isLayerMark, isOpaque, isWhiteout, OPAQUE_MARKER, WHITEOUT_PREFIX } from './whiteouts.ts'

const CHUNK = 256 * 1024
/** Below this a hole is cheaper as zeros than as an extended header. */
const SMALLEST_SPARSE = 64 * 1024

/** Files up to this size are read in the call that opens them. */
const SMALL_FILE = 64 * 1024
const XATTR_NAMES = 1024
const EMPTY_NAME = Buffer.alloc(1)
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC

const SEEK_SET = 0
const SEEK_DATA = 3
const SEEK_HOLE = 4

const KINDS = new Map<number, EntryKind>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'folder'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFCHR, 'character'],
  [constants.S_IFBLK, 'block'],
  [constants.S_IFIFO, 'fifo'],
])

/** undefined: no archive has such a file. */
export const kindOf = ({ mode }: FileStatus): EntryKind | undefined => KINDS.get(mode & constants.S_IFMT)

/** Hears of each piece of an archive before it is yielded: what stands in a file is told by its place there. */
export interface PackRecorder {
  raw(bytes: Buffer): void
  file(path: ByteString, generation: number, offset: number, length: number): void
}

export interface PackOptions {
  /** Overlay's marks become whiteouts; otherwise the tree is taken as it is. */
  asLayer: boolean
  /** The files are shown as a user namespace's: the archive gets the ids inside. */
  ids?: IdMap | null
  recorder?: PackRecorder
}

/** As the kernel shows ids that a user namespace has not: /proc/sys/fs/overflowuid. */
const OVERFLOW_ID = 65_534

const NOTHING = '' as ByteString
const SELF = toPath('.' as ByteString)

/** What is in an open folder, as an archive. With `withRoot` its first entry is the folder, as `./`. */
export function* packTree(root: number, options: PackOptions & { withRoot?: boolean }): Generator<Buffer> {
  const pass = new Pass(options)
  if (options.withRoot) {
    const status = statAt(root, SELF)
    yield encodeEntry(describe({ folder: root, name: SELF, path: './' as ByteString, status }, 'folder'))
  }
  for (const found of walk(root)) yield* packOne(found, found.path, pass)
  yield pass.raw(END_OF_ARCHIVE)
}

/** What differs in a tree from the one that it began as, as a layer's archive. `below` is that one. */
export function* packChanges(tree: number, below: number): Generator<Buffer> {
  const changes = compareTrees(tree, below)
  const pass = new Pass({ asLayer: false })
  for (const found of walk(tree)) {
    if (changes.has(found.path)) yield* packOne(found, found.path, pass)
  }
  for (const [path, kind] of changes) if (kind === 'deleted') yield encodeEntry(whiteoutEntry(path, BEGINNING))
  yield END_OF_ARCHIVE
}

const BEGINNING = { modified: { s: 0, ns: 0 } }

/** One file or folder by its name in an open folder, as `as` and beneath. */
export function* packPath(folder: number, name: ByteString, as: ByteString, ids: IdMap | null): Generator<Buffer> {
  const pass = new Pass({ asLayer: false, ids })
  const status = statAt(folder, toPath(name))
  yield* packOne({ folder, name: toPath(name), path: name, status }, as, pass)
  if (isFolderStatus(status)) {
    const root = openToRead(folder, toPath(name), constants.O_DIRECTORY)
    try {
      for (const found of walk(root)) yield* packOne(found, joinPath(as, found.path), pass)
    } finally {
      close(root)
    }
  }
  yield END_OF_ARCHIVE
}

function* packOne(found: Found, as: ByteString, pass: Pass): Generator<Buffer> {
  const { asLayer } = pass.options
  if (asLayer && isWhiteout(found.status)) {
    yield pass.raw(encodeEntry(whiteoutEntry(as, found.status)))
    return
  }
  const kind = kindOf(found.status)
  // Sockets belong to processes, and no archive has them.
  if (kind === undefined) return
  const first = pass.links.seen(found.status, as)
  if (first !== undefined) {
    const { modified, mode, uid, gid } = found.status
    yield pass.raw(
      encodeEntry(pass.inside(entryOf({ kind: 'link', name: as, target: first, modified, mode, uid, gid }))),
    )
    return
  }
  if (kind === 'file') {
    yield* packFile(found, as, pass)
    return
  }
  const entry = ifThere(() => describe({ ...found, path: kind === 'folder' ? (`${as}/` as ByteString) : as }, kind))
  if (entry === undefined) return
  yield pass.raw(encodeEntry(pass.inside(entry)))
  if (asLayer && kind === 'folder' && isOpaque(found.folder, found.name)) {
    yield pass.raw(
      encodeEntry(entryOf({ kind: 'file', name: joinPath(as, OPAQUE_MARKER), modified: found.status.modified })),
    )
  }
}

function* packFile(found: Found, as: ByteString, pass: Pass): Generator<Buffer> {
  const {
    memory,
    options: { recorder },
  } = pass
  const file = ifThere(() => openFile(found, memory))
  if (file === undefined) return
  try {
    const { descriptor, status, xattrs, read } = file
    // The name may stand for something else by now; what is open is what counts.
    if ((status.mode & constants.S_IFMT) !== constants.S_IFREG) return
    const entry = entryOf({
      kind: 'file',
      name: as,
      ...ownerOf(status),
      xattrs,
      size: status.size,
      storedSize: status.size,
    })
    entry.extents = extentsOf(descriptor, status)
    if (entry.extents !== undefined) entry.storedSize = entry.extents.reduce((sum, { length }) => sum + length, 0)
    const header = encodeEntry(pass.inside(entry))
    if (entry.extents === undefined && read === status.size && header.length === BLOCK) {
      // Most files: header, content and padding are in one piece already.
      header.copy(memory)
      const end = BLOCK + read + padding(read)
      memory.fill(0, BLOCK + read, end)
      pass.raw(header)
      recorder?.file(as, 0, 0, read)
      pass.raw(memory.subarray(BLOCK + read, end))
      yield memory.subarray(0, end)
      return
    }
    yield pass.raw(header)
    for (const extent of entry.extents ?? [{ offset: 0, length: entry.size }]) {
      recorder?.file(as, 0, extent.offset, extent.length)
      yield* readRange(descriptor, extent)
    }
    yield pass.raw(Buffer.alloc(padding(entry.storedSize)))
  } finally {
    close(file.descriptor)
  }
}

/**
 * Bytes of a file, filled up with zeros if it has become shorter: the header has promised them. All chunks are the same memory:
 * each is to be used before the next one is asked for.
 */
export function* readRange(file: number, { offset, length }: Extent): Generator<Buffer> {
  const memory = Buffer.allocUnsafe(Math.min(CHUNK, length))
  for (let at = 0; at < length; ) {
    const chunk = memory.subarray(0, length - at)
    const count = readSync(file, chunk, 0, chunk.length, offset + at)
    if (count === 0) chunk.fill(0)
    const part = count === 0 ? chunk : chunk.subarray(0, count)
    at += part.length
    yield part
  }
}

/** The parts of a file that are not holes; undefined if it has none worth the while. See lseek(2), "Seeking file data and holes". */
function extentsOf(file: number, status: FileStatus): Extent[] | undefined {
  if (status.size < SMALLEST_SPARSE || status.blocks * 512 >= status.size) return undefined
  const extents: Extent[] = []
  for (let at = 0; at < status.size; ) {
    const start = syscall('lseek', file, at, SEEK_DATA)
    // ENXIO: from here on there is no data.
    if (start < 0) break
    const end = Math.min(check('lseek', syscall('lseek', file, start, SEEK_HOLE)), status.size)
    if (start >= status.size) break
    extents.push({ offset: start, length: end - start })
    at = end
  }
  syscall('lseek', file, 0, SEEK_SET)
  const data = extents.reduce((sum, { length }) => sum + length, 0)
  if (status.size - data < SMALLEST_SPARSE) return undefined
  // The last extent says where the file ends, also when it ends in a hole.
  if ((extents.at(-1)?.offset ?? 0) + (extents.at(-1)?.length ?? 0) < status.size) {
    extents.push({ offset: status.size, length: 0 })
  }
  return extents
}

/** An entry for a file, without its content. */
export function describe({ folder, name, path, status }: Found, kind: EntryKind): Entry {
  return entryOf({
    kind,
    name: path,
    ...ownerOf(status),
    target: kind === 'symlink' ? fromBytes(readlinkAt(folder, name)) : NOTHING,
    major: kind === 'character' || kind === 'block' ? status.major : 0,
    minor: kind === 'character' || kind === 'block' ? status.minor : 0,
    xattrs: onlyPortable(listXattrs(folder, name)),
  })
}

/**
 * Attributes that mean the same elsewhere. Marks are this one layer's, and labels of SELinux and the like belong to the
 * container that runs.
 */
function onlyPortable(xattrs: Map<string, Buffer>): Map<string, Buffer> {
  for (const attribute of xattrs.keys()) {
    const isPortable = /^(user|trusted)\.|^security\.capability$|^system\.posix_acl_/.test(attribute)
    if (!isPortable || isLayerMark(attribute)) xattrs.delete(attribute)
  }
  return xattrs
}

function whiteoutEntry(path: ByteString, { modified }: Pick<FileStatus, 'modified'>): Entry {
  const { folder, name } = splitPath(path)
  return entryOf({ kind: 'file', name: joinPath(folder, `${WHITEOUT_PREFIX}${name}` as ByteString), modified })
}

const entryOf = (known: Pick<Entry, 'kind' | 'name' | 'modified'> & Partial<Entry>): Entry => ({
  mode: 0o600,
  uid: 0,
  gid: 0,
  accessed: undefined,
  target: NOTHING,
  major: 0,
  minor: 0,
  xattrs: new Map(),
  storedSize: 0,
  size: 0,
  extents: undefined,
  ...known,
})

/** What belongs to one pass over a tree. */
class Pass {
  readonly options: PackOptions
  readonly links = new HardLinks()
  /** Where a small file's entry is put together. What is yielded from here is to be used before the next piece is asked for. */
  readonly memory = Buffer.allocUnsafeSlow(BLOCK + SMALL_FILE + BLOCK)

  /** A piece that is in no file. */
  raw(bytes: Buffer): Buffer {
    this.options.recorder?.raw(bytes)
    return bytes
  }

  /** An entry with the ids that the archive is to have. */
  inside(entry: Entry): Entry {
    const { ids } = this.options
    if (!ids) return entry
    const { uid, gid } = entry
    return { ...entry, uid: toInside(ids.uids, uid) ?? OVERFLOW_ID, gid: toInside(ids.gids, gid) ?? OVERFLOW_ID }
  }

  constructor(options: PackOptions) {
    this.options = options
  }
}

interface OpenFile {
  descriptor: number
  status: FileStatus
  xattrs: Map<string, Buffer>
  /** Bytes that were read already, to behind the first block of memory; at most SMALL_FILE. */
  read: number
}

/** Opens a regular file and reads its start, status and attributes, in one native call. @throws KernelError */
function openFile({ folder, name }: Found, memory: Buffer): OpenFile {
  beginList()
  const status = room(STATX_SIZE)
  const names = room(XATTR_NAMES)
  addCall('openat', folder, inScratch(name), OPEN_FLAGS, 0)
  addCall('statx', FIRST_RESULT, inScratch(EMPTY_NAME), STATX_FLAGS, STATX_BASIC_STATS, status.address)
  addCall('read', FIRST_RESULT, addressIn(memory.subarray(BLOCK)), SMALL_FILE)
  addCall('flistxattr', FIRST_RESULT, names.address, XATTR_NAMES)
  const { succeeded, isComplete } = runList()
  if (succeeded < 2) {
    if (succeeded > 0) close(resultAt(0))
    throw new KernelError('open', -resultAt(succeeded), { name: name.toString().slice(0, -1) })
  }
  const descriptor = resultAt(0)
  const read = succeeded > 2 ? resultAt(2) : 0
  const hasNoXattrs = isComplete && resultAt(3) === 0
  const decoded = decodeStatus(status.bytes)
  const xattrs = hasNoXattrs ? new Map<string, Buffer>() : onlyPortable(listXattrs(folder, name))
  return { descriptor, status: decoded, xattrs, read }
}

const ownerOf = ({ mode, uid, gid, modified }: FileStatus): Pick<Entry, 'mode' | 'uid' | 'gid' | 'modified'> => ({
  mode: mode & 0o7777,
  uid,
  gid,
  modified,
})

/** Remembers files with several names, so that each is packed once. */
class HardLinks {
  readonly #names = new Map<string, ByteString>()

  /** The name that the same file was packed under before. */
  seen(status: FileStatus, name: ByteString): ByteString | undefined {
    if (status.links < 2 || isFolderStatus(status)) return undefined
    const key = `${status.fileSystem}/${status.inode}`
    const first = this.#names.get(key)
    if (first === undefined) this.#names.set(key, name)
    return first
  }
}
