/**
 * Extended headers: pax(1), "pax Extended Header", and the keywords that others have added: extended attributes
 * (SCHILY.xattr from star, LIBARCHIVE.xattr from bsdtar) and sparse files (GNU tar manual, "Storing Sparse Files").
 *
 * A record is `LENGTH KEY=VALUE\n`. Values are bytes: a file's capabilities are one of them.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { Timestamp } from '../../kernel/files.ts'
import { type ByteString, fromBytes, toBytes } from './byte-string.ts'
import type { Entry, Extent } from './entry.ts'

/** In the order of the archive; GNU's sparse format 0.0 repeats its keys. */
export type PaxRecord = [key: string, value: ByteString]

const broken = (what: string): InvalidParameter => new InvalidParameter(`archive/tar: invalid extended header: ${what}`)

export function decodePax(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = []
  let at = 0
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(0x20, at)
    const digits = bytes.toString('latin1', at, Math.max(space, at))
    if (!/^[1-9][0-9]{0,9}$/.test(digits)) throw broken('no length')
    const end = at + Number(digits)
    if (end > bytes.length || bytes[end - 1] !== 0x0a) throw broken('wrong length')
    const equals = bytes.indexOf(0x3d, space)
    if (equals === -1 || equals >= end) throw broken('no key')
    records.push([bytes.toString('latin1', space + 1, equals), fromBytes(bytes.subarray(equals + 1, end - 1))])
    at = end
  }
  return records
}

export function encodePax(records: PaxRecord[]): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const content = ` ${key}=${value}\n`
      // The length counts its own digits.
      let length = content.length + 1
      while (String(length).length + content.length !== length) length = String(length).length + content.length
      return Buffer.from(`${length}${content}`, 'latin1')
    }),
  )
}

export const XATTR_PREFIX = 'SCHILY.xattr.'
const LIBARCHIVE_PREFIX = 'LIBARCHIVE.xattr.'

/** What a sparse file's extended header says; its extents stand there, or (1.0) at the start of its content. */
export interface SparseHints {
  extents: Extent[] | undefined
  mapInContent: boolean
}

/** Puts the records in the place of what the header said. */
export function applyPax(entry: Entry, records: PaxRecord[]): SparseHints {
  const sparse: SparseHints = { extents: undefined, mapInContent: false }
  let sparseSize: number | undefined
  for (const [key, value] of records) {
    if (key === 'path') entry.name = value
    else if (key === 'linkpath') entry.target = value
    else if (key === 'size') entry.storedSize = entry.size = natural(key, value)
    else if (key === 'uid') entry.uid = natural(key, value)
    else if (key === 'gid') entry.gid = natural(key, value)
    else if (key === 'mtime') entry.modified = decodeTime(value)
    else if (key === 'atime') entry.accessed = decodeTime(value)
    else if (key === 'SCHILY.devmajor') entry.major = natural(key, value)
    else if (key === 'SCHILY.devminor') entry.minor = natural(key, value)
    else if (key.startsWith(XATTR_PREFIX)) entry.xattrs.set(key.slice(XATTR_PREFIX.length), toBytes(value))
    else if (key.startsWith(LIBARCHIVE_PREFIX)) applyLibarchiveXattr(entry, key, value)
    else if (key === 'GNU.sparse.size' || key === 'GNU.sparse.realsize') sparseSize = natural(key, value)
    else if (key.startsWith('GNU.sparse.')) applySparse(entry, sparse, key, value)
  }
  if (sparseSize !== undefined) entry.size = sparseSize
  return sparse
}

function applyLibarchiveXattr(entry: Entry, key: string, value: ByteString): void {
  const name = unescapePercent(key.slice(LIBARCHIVE_PREFIX.length))
  // bsdtar writes both forms; the other one is exact.
  if (!entry.xattrs.has(name)) entry.xattrs.set(name, Buffer.from(value, 'base64'))
}

function applySparse(entry: Entry, sparse: SparseHints, key: string, value: ByteString): void {
  if (key === 'GNU.sparse.name') entry.name = value
  else if (key === 'GNU.sparse.major') sparse.mapInContent = value === '1'
  else if (key === 'GNU.sparse.map') sparse.extents = decodeSparseMap(value === '' ? [] : value.split(','))
  else if (key === 'GNU.sparse.offset') {
    sparse.extents = sparse.extents ?? []
    sparse.extents.push({ offset: natural(key, value), length: 0 })
  } else if (key === 'GNU.sparse.numbytes') {
    const last = sparse.extents?.at(-1)
    if (last === undefined) throw broken('sparse map without an offset')
    last.length = natural(key, value)
  }
}

/** %XX for a byte. */
const unescapePercent = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))

/** Offsets and lengths in turn. */
export function decodeSparseMap(numbers: string[]): Extent[] {
  if (numbers.length % 2 !== 0) throw broken('odd sparse map')
  const extents: Extent[] = []
  for (let i = 0; i < numbers.length; i += 2) {
    extents.push({ offset: natural('sparse map', numbers[i]!), length: natural('sparse map', numbers[i + 1]!) })
  }
  return extents
}

/** The extents must lie in order, inside the file, and take up just what is stored. */
export function verifyExtents(entry: Entry): void {
  let end = 0
  let stored = 0
  for (const { offset, length } of entry.extents ?? []) {
    if (offset < end || offset + length > entry.size) throw new InvalidParameter('archive/tar: invalid sparse map')
    end = offset + length
    stored += length
  }
  if (stored !== entry.storedSize) throw new InvalidParameter('archive/tar: sparse map and size differ')
}

function natural(key: string, value: string): number {
  const result = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(result)) throw broken(`${key} is no number`)
  return result
}

/** Seconds with any number of decimals; digits after the ninth are cut. */
function decodeTime(value: string): Timestamp {
  const match = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(value)
  if (!match) throw broken('invalid time')
  const s = Number(match[2])
  const ns = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'))
  if (!Number.isSafeInteger(s)) throw broken('time out of range')
  if (match[1] === '') return { s, ns }
  return ns === 0 ? { s: -s, ns: 0 } : { s: -s - 1, ns: 1_000_000_000 - ns }
}

export function encodeTime({ s, ns }: Timestamp): ByteString {
  const decimals = (value: number): string =>
    value === 0 ? '' : `.${String(value).padStart(9, '0').replace(/0+$/, '')}`
  if (s >= 0 || ns === 0) return `${s}${decimals(ns)}` as ByteString
  const whole = -(s + 1)
  return `-${whole}${decimals(1_000_000_000 - ns)}` as ByteString
}
