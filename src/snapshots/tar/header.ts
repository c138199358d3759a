/**
 * The 512 bytes before each file in an archive: ustar (pax(1), "ustar Interchange Format"), GNU's additions (GNU tar manual,
 * "Basic Tar Format"), and the older V7. Names from extended headers (pax.ts) take the place of what is here.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { type ByteString, fromBytes } from './byte-string.ts'
import { BLOCK, type Entry, type EntryKind, type Extent } from './entry.ts'

/** The fields of struct posix_header, and of struct oldgnu_header behind them: offset and length. */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  target: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const

const OLD_GNU = { sparse: 386, sparseCount: 4, extended: 482, realSize: 483, extensionCount: 21, extensionFlag: 504 }

/** The letter in the type field. */
export const TYPE = {
  file: '0',
  oldFile: '\0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  folder: '5',
  fifo: '6',
  contiguous: '7',
  pax: 'x',
  paxGlobal: 'g',
  gnuLongName: 'L',
  gnuLongTarget: 'K',
  gnuSparse: 'S',
} as const

const KINDS: Record<string, EntryKind> = {
  [TYPE.file]: 'file',
  [TYPE.oldFile]: 'file',
  [TYPE.contiguous]: 'file',
  [TYPE.gnuSparse]: 'file',
  [TYPE.link]: 'link',
  [TYPE.symlink]: 'symlink',
  [TYPE.character]: 'character',
  [TYPE.block]: 'block',
  [TYPE.folder]: 'folder',
  [TYPE.fifo]: 'fifo',
}

export const typeOf = (block: Buffer): string => String.fromCharCode(block[FIELD.type[0]]!)

/** The size field; all that an extended header's own header tells. */
export const storedSizeOf = (block: Buffer): number => naturalNumber(block, FIELD.size)

export const isZero = (block: Buffer): boolean => block.every(byte => byte === 0)

/** @throws InvalidParameter if these 512 bytes are no header */
export function verifyChecksum(block: Buffer): void {
  let unsigned = 0
  // Some old archivers summed signed characters.
  let signed = 0
  const [start, length] = FIELD.checksum
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= start && i < start + length ? 0x20 : block[i]!
    unsigned += byte
    signed += byte < 128 ? byte : byte - 256
  }
  const expected = octalNumber(block, FIELD.checksum)
  if (expected !== unsigned && expected !== signed) throw new InvalidParameter('archive/tar: invalid tar header')
}

export function decodeHeader(block: Buffer): Entry {
  const type = typeOf(block)
  const kind = KINDS[type]
  if (kind === undefined) throw new InvalidParameter(`archive/tar: entry of unknown type ${JSON.stringify(type)}`)
  const magic = field(block, FIELD.magic)
  let name = field(block, FIELD.name)
  if (magic.startsWith('ustar') && !magic.startsWith('ustar ') && block[FIELD.prefix[0]] !== 0) {
    name = `${field(block, FIELD.prefix)}/${name}` as ByteString
  }
  // V7 has no type for folders.
  const isOldFolder = kind === 'file' && type !== TYPE.gnuSparse && name.endsWith('/')
  const storedSize = storedSizeOf(block)
  return {
    kind: isOldFolder ? 'folder' : kind,
    name,
    mode: number(block, FIELD.mode) & 0o7777,
    uid: number(block, FIELD.uid),
    gid: number(block, FIELD.gid),
    modified: { s: number(block, FIELD.mtime), ns: 0 },
    accessed: undefined,
    target: field(block, FIELD.target),
    major: kind === 'character' || kind === 'block' ? naturalNumber(block, FIELD.major) : 0,
    minor: kind === 'character' || kind === 'block' ? naturalNumber(block, FIELD.minor) : 0,
    xattrs: new Map(),
    storedSize,
    size: type === TYPE.gnuSparse ? naturalNumber(block, [OLD_GNU.realSize, 12]) : storedSize,
    extents: undefined,
  }
}

/** The first extents of an old GNU sparse file, and whether a block with more of them follows. */
export function sparseExtents(block: Buffer): { extents: Extent[]; more: boolean } {
  return {
    extents: extentsAt(block, OLD_GNU.sparse, OLD_GNU.sparseCount),
    more: block[OLD_GNU.extended] !== 0,
  }
}

export function sparseExtension(block: Buffer): { extents: Extent[]; more: boolean } {
  return { extents: extentsAt(block, 0, OLD_GNU.extensionCount), more: block[OLD_GNU.extensionFlag] !== 0 }
}

function extentsAt(block: Buffer, start: number, count: number): Extent[] {
  const extents: Extent[] = []
  for (let at = start; at < start + count * 24; at += 24) {
    // An empty field, not a zero in it, ends the list: a file that ends in a hole has an extent of length 0.
    if (block[at] === 0) break
    extents.push({ offset: naturalNumber(block, [at, 12]), length: naturalNumber(block, [at + 12, 12]) })
  }
  return extents
}

type Field = readonly [number, number]

function field(block: Buffer, [offset, length]: Field): ByteString {
  const end = block.indexOf(0, offset)
  return fromBytes(block.subarray(offset, end === -1 ? offset + length : Math.min(end, offset + length)))
}

function naturalNumber(block: Buffer, where: Field): number {
  const value = number(block, where)
  if (value < 0) throw new InvalidParameter('archive/tar: negative number in header')
  return value
}

/** Octal digits, or if the first bit is set a big-endian two's complement number (GNU). */
function number(block: Buffer, [offset, length]: Field): number {
  const value = block[offset]! & 0x80 ? binaryNumber(block, offset, length) : octalNumber(block, [offset, length])
  if (!Number.isSafeInteger(value)) throw new InvalidParameter('archive/tar: invalid number in header')
  return value
}

/** NaN if there is something else than digits. */
function octalNumber(block: Buffer, where: Field): number {
  const digits = field(block, where).trim()
  if (digits === '') return 0
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

function binaryNumber(block: Buffer, offset: number, length: number): number {
  const isNegative = (block[offset]! & 0x40) !== 0
  let value = isNegative ? (block[offset]! | 0x80) - 256 : block[offset]! & 0x7f
  for (let i = offset + 1; i < offset + length; i++) value = value * 256 + block[i]!
  return value
}

/** Writes a header whose fields all fit; what does not fit is cut here and stands in an extended header. */
export function encodeHeader(entry: Entry, type: string): Buffer {
  // From Node's pool: memory of its own for each header costs more than to write it.
  const block = Buffer.allocUnsafe(BLOCK).fill(0)
  block.write(entry.name, FIELD.name[0], FIELD.name[1], 'latin1')
  writeOctal(block, FIELD.mode, entry.mode)
  writeOctal(block, FIELD.uid, entry.uid)
  writeOctal(block, FIELD.gid, entry.gid)
  writeOctal(block, FIELD.size, entry.storedSize)
  writeOctal(block, FIELD.mtime, Math.max(entry.modified.s, 0))
  block.write(type, FIELD.type[0], 'latin1')
  block.write(entry.target, FIELD.target[0], FIELD.target[1], 'latin1')
  block.write('ustar\x0000', FIELD.magic[0], 'latin1')
  writeOctal(block, FIELD.major, entry.major)
  writeOctal(block, FIELD.minor, entry.minor)
  block.fill(0x20, FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1])
  let sum = 0
  for (let at = 0; at < BLOCK; at++) sum += block[at]!
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, FIELD.checksum[0], 'latin1')
  return block
}

/** The largest number that a field of this length holds as octal digits and a NUL. */
const LARGEST = Array.from({ length: 13 }, (_, length) => 8 ** (length - 1) - 1)

/** Too large a number is written as 0: the extended header has the true one. */
function writeOctal(block: Buffer, [offset, length]: Field, value: number): void {
  let rest = value <= LARGEST[length]! ? value : 0
  for (let at = offset + length - 2; at >= offset; at--) {
    block[at] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
}

export const FITS = {
  name: (name: ByteString): boolean => name.length <= FIELD.name[1] && isAscii(name),
  target: (target: ByteString): boolean => target.length <= FIELD.target[1] && isAscii(target),
  id: (id: number): boolean => id <= LARGEST[FIELD.uid[1]]!,
  size: (size: number): boolean => size <= LARGEST[FIELD.size[1]]!,
  device: (part: number): boolean => part <= LARGEST[FIELD.major[1]]!,
  seconds: (s: number): boolean => s >= 0 && s <= LARGEST[FIELD.mtime[1]]!,
}

const isAscii = (name: ByteString): boolean => Buffer.byteLength(name) === name.length
