/** A regular file as an entry of an archive: mostly in one native call, and one piece. */

import { constants } from 'node:fs'
import { KernelError } from '../../kernel/errors.ts'
import {
  close,
  decodeStatus,
  type FileStatus,
  O_CLOEXEC,
  STATX_BASIC_STATS,
  STATX_FLAGS,
  STATX_SIZE,
} from '../../kernel/files.ts'
import {
  addCall,
  addressIn,
  beginList,
  FIRST_RESULT,
  inScratch,
  resultAt,
  room,
  runList,
} from '../../kernel/syscall-list.ts'
import { listXattrs } from '../../kernel/xattr.ts'
import type { Piece } from '../pieces.ts'
import type { ByteString } from '../tar/byte-string.ts'
import { BLOCK, type Entry, padding } from '../tar/entry.ts'
import { encodeEntry } from '../tar/writer.ts'
import { type Found, ifThere } from '../walk.ts'
import { entryOf, onlyPortable, ownerOf } from './describe.ts'
import { type Pass, SMALL_FILE } from './pass.ts'
import { extentsOf } from './sparse.ts'

const XATTR_NAMES = 1024
const EMPTY_NAME = Buffer.alloc(1)
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC

export function* packFile(found: Found, as: ByteString, pass: Pass): Generator<Piece> {
  const file = ifThere(() => openFile(found, pass.memory))
  if (file === undefined) return
  try {
    // The name may stand for something else by now; what was opened is what counts.
    if ((file.status.mode & constants.S_IFMT) !== constants.S_IFREG) return
    if (file.descriptor === null) yield* packSmall(file, as, pass)
    else yield* packLarge(file, file.descriptor, as, pass)
  } finally {
    if (file.descriptor !== null) close(file.descriptor)
  }
}

/** Header, content and padding are in one piece already, if the header is of the usual length. */
function* packSmall({ status, xattrs }: OpenFile, as: ByteString, pass: Pass): Generator<Piece> {
  const header = encodeEntry(pass.inside(entryFor(status, xattrs, as)))
  const end = BLOCK + status.size + padding(status.size)
  pass.memory.fill(0, BLOCK + status.size, end)
  pass.raw(header)
  pass.options.recorder?.file(as, 0, 0, status.size)
  pass.raw(pass.memory.subarray(BLOCK + status.size, end))
  if (header.length === BLOCK) header.copy(pass.memory)
  else yield header
  yield pass.memory.subarray(header.length === BLOCK ? 0 : BLOCK, end)
}

function* packLarge({ status, xattrs }: OpenFile, file: number, as: ByteString, pass: Pass): Generator<Piece> {
  const entry = entryFor(status, xattrs, as)
  entry.extents = extentsOf(file, status)
  if (entry.extents !== undefined) entry.storedSize = entry.extents.reduce((sum, { length }) => sum + length, 0)
  yield pass.raw(encodeEntry(pass.inside(entry)))
  for (const extent of entry.extents ?? [{ offset: 0, length: entry.size }]) {
    pass.options.recorder?.file(as, 0, extent.offset, extent.length)
    yield { file, ...extent }
  }
  yield pass.raw(ZEROS.subarray(0, padding(entry.storedSize)))
}

const ZEROS = Buffer.alloc(BLOCK)

const entryFor = (status: FileStatus, xattrs: Map<string, Buffer>, name: ByteString): Entry =>
  entryOf({ kind: 'file', name, ...ownerOf(status), xattrs, size: status.size, storedSize: status.size })

interface OpenFile {
  /** null: all of it has been read already, to behind the first block of memory. */
  descriptor: number | null
  status: FileStatus
  xattrs: Map<string, Buffer>
}

/** Opens a regular file and reads its status, its attributes and, if it is small, itself, in one native call. @throws KernelError */
function openFile(
  { folder, name, status: { size } }: Pick<Found, 'folder' | 'name' | 'status'>,
  memory: Buffer,
  maySlurp = size < SMALL_FILE,
): OpenFile {
  beginList()
  const answer = room(STATX_SIZE)
  const names = room(XATTR_NAMES)
  addCall('openat', folder, inScratch(name), OPEN_FLAGS, 0)
  addCall('statx', FIRST_RESULT, inScratch(EMPTY_NAME), STATX_FLAGS, STATX_BASIC_STATS, answer.address)
  addCall('flistxattr', FIRST_RESULT, names.address, XATTR_NAMES)
  if (maySlurp) {
    addCall('read', FIRST_RESULT, addressIn(memory.subarray(BLOCK)), SMALL_FILE)
    addCall('close', FIRST_RESULT)
  }
  const { succeeded, isComplete } = runList()
  if (succeeded < 2) {
    if (succeeded > 0) close(resultAt(0))
    throw new KernelError('open', -resultAt(succeeded), { name: name.toString().slice(0, -1) })
  }
  const status = decodeStatus(answer.bytes)
  const hasNoXattrs = succeeded > 2 && resultAt(2) === 0
  const isSlurped = maySlurp && isComplete && resultAt(3) === status.size
  // It has grown since it was listed, or cannot be read so: once more, and with an open file.
  if (maySlurp && !isSlurped) {
    if (!isComplete) close(resultAt(0))
    return openFile({ folder, name, status }, memory, false)
  }
  const descriptor = maySlurp ? null : resultAt(0)
  return { descriptor, status, xattrs: hasNoXattrs ? new Map() : onlyPortable(listXattrs(folder, name)) }
}
