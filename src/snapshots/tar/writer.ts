/**
 * Writes the headers of an archive: ustar where that is enough, else with a pax extended header before it. Sparse files are
 * GNU's format 1.0, which GNU tar, bsdtar, Go and Python read.
 */

import { type ByteString, toBytes } from './byte-string.ts'
import { BLOCK, type Entry, padding } from './entry.ts'
import { encodeHeader, FITS, TYPE } from './header.ts'
import { encodePax, encodeTime, type PaxRecord, XATTR_PREFIX } from './pax.ts'

/** What ends an archive: two blocks of zeros. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK)

const NO_MAP = Buffer.alloc(0)

/** All bytes that precede the `entry.storedSize` bytes of content; padding(entry.storedSize) zeros follow it. */
export function encodeEntry(entry: Entry): Buffer {
  const map = entry.extents === undefined ? NO_MAP : encodeSparseMap(entry)
  const stored = { ...entry, storedSize: entry.storedSize + map.length }
  const records = paxRecords(stored)
  if (records.length === 0) return encodeHeader(stored, TYPE[entry.kind])
  const content = encodePax(records)
  const extended = { ...stored, name: 'pax-header' as ByteString, target: '' as ByteString, storedSize: content.length }
  return Buffer.concat([
    encodeHeader(extended, TYPE.pax),
    content,
    Buffer.alloc(padding(content.length)),
    encodeHeader(stored, TYPE[entry.kind]),
    map,
  ])
}

function paxRecords(entry: Entry): PaxRecord[] {
  const records: PaxRecord[] = []
  const add = (key: string, value: string): void => {
    records.push([key, value as ByteString])
  }
  if (entry.extents !== undefined) {
    add('GNU.sparse.major', '1')
    add('GNU.sparse.minor', '0')
    add('GNU.sparse.name', entry.name)
    add('GNU.sparse.realsize', String(entry.size))
  } else if (!FITS.name(entry.name)) add('path', entry.name)
  if (!FITS.target(entry.target)) add('linkpath', entry.target)
  if (!FITS.size(entry.storedSize)) add('size', String(entry.storedSize))
  if (!FITS.id(entry.uid)) add('uid', String(entry.uid))
  if (!FITS.id(entry.gid)) add('gid', String(entry.gid))
  if (!FITS.device(entry.major)) add('SCHILY.devmajor', String(entry.major))
  if (!FITS.device(entry.minor)) add('SCHILY.devminor', String(entry.minor))
  if (entry.modified.ns !== 0 || !FITS.seconds(entry.modified.s)) add('mtime', encodeTime(entry.modified))
  for (const [name, value] of entry.xattrs) add(XATTR_PREFIX + name, value.toString('latin1'))
  return records
}

function encodeSparseMap(entry: Entry): Buffer {
  const extents = entry.extents ?? []
  const lines = [extents.length, ...extents.flatMap(({ offset, length }) => [offset, length])]
  const text = toBytes(`${lines.join('\n')}\n` as ByteString)
  return Buffer.concat([text, Buffer.alloc(padding(text.length))])
}
