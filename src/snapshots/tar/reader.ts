/**
 * Reads an archive entry by entry: ustar, pax, GNU (long names, sparse 0.0, 0.1, 1.0 and old) and V7.
 *
 * tar-stream, which reads the outer archives of `docker save`, is not enough for layers: it takes names and
 * attributes for UTF-8 (file capabilities are not), does not know sparse files, does not notice an archive that is cut between
 * two entries, and does not show the bytes between the contents, without which no archive can be repeated (see tape.ts).
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { type ByteSource, UnexpectedEnd } from './byte-source.ts'
import { type ByteString, fromBytes } from './byte-string.ts'
import { BLOCK, type Entry, padding } from './entry.ts'
import {
  decodeHeader,
  isZero,
  sparseExtension,
  sparseExtents,
  storedSizeOf,
  TYPE,
  typeOf,
  verifyChecksum,
} from './header.ts'
import { applyPax, decodePax, decodeSparseMap, type PaxRecord, verifyExtents } from './pax.ts'

/** Extended headers are kept in memory; 64 KiB of attributes, base64, and two paths fit many times. */
const MAX_EXTENDED_HEADER = 1024 * 1024
const MAX_SPARSE_EXTENTS = 1_000_000

interface LongNames {
  name?: ByteString
  target?: ByteString
}

export class TarReader {
  readonly #source: ByteSource
  readonly #onRaw: (bytes: Buffer) => void
  #unread = 0
  #padding = 0
  #globals: PaxRecord[] = []
  /** Whether the end was marked, by zeros: if not, the archive may have been cut off. */
  terminated = false

  /** `onRaw` gets every byte of the archive that content() and contentNow() do not give. */
  constructor(source: ByteSource, onRaw: (bytes: Buffer) => void = () => {}) {
    this.#source = source
    this.#onRaw = onRaw
  }

  /** The next entry, or undefined at the end. Skips what is left of the content before. @throws InvalidParameter */
  async next(): Promise<Entry | undefined> {
    await this.#skipContent()
    const records = [...this.#globals]
    const long: LongNames = {}
    for (;;) {
      const block = await this.#header()
      if (block === undefined) return undefined
      const type = typeOf(block)
      if (type === TYPE.pax) records.push(...decodePax(await this.#extendedHeader(block)))
      else if (type === TYPE.paxGlobal) {
        this.#globals = [...this.#globals, ...decodePax(await this.#extendedHeader(block))]
        records.unshift(...this.#globals)
      } else if (type === TYPE.gnuLongName) long.name = untilNul(await this.#extendedHeader(block))
      else if (type === TYPE.gnuLongTarget) long.target = untilNul(await this.#extendedHeader(block))
      else return this.#entry(block, records, long)
    }
  }

  /** The whole content of the entry, if it is at hand already. */
  contentNow(): Buffer | undefined {
    const content = this.#source.takeNow(this.#unread)
    if (content !== undefined) this.#unread = 0
    return content
  }

  /** Takes back what contentNow() gave. */
  putBack(content: Buffer): void {
    this.#source.putBack(content)
    this.#unread = content.length
  }

  /** The content of the entry. @throws UnexpectedEnd */
  async *content(): AsyncGenerator<Buffer> {
    while (this.#unread > 0) yield await this.#some()
  }

  /** Reads what follows the end: archives are padded to whole records, mostly of 10 KiB. */
  async drain(): Promise<void> {
    for (;;) {
      const bytes = await this.#source.takeSome(65536)
      if (bytes === undefined) return
      this.#onRaw(bytes)
    }
  }

  async #entry(block: Buffer, records: PaxRecord[], long: LongNames): Promise<Entry> {
    const entry = decodeHeader(block)
    if (long.name !== undefined) entry.name = long.name
    if (long.target !== undefined) entry.target = long.target
    const sparse = applyPax(entry, records)
    this.#unread = entry.storedSize
    this.#padding = padding(entry.storedSize)
    if (typeOf(block) === TYPE.gnuSparse) entry.extents = await this.#oldSparseMap(block)
    else if (sparse.mapInContent) entry.extents = await this.#sparseMapInContent()
    else entry.extents = sparse.extents
    entry.storedSize = this.#unread
    if (entry.extents !== undefined) verifyExtents(entry)
    // Only a file has content; but old archivers give a folder the size that stat(2) reported.
    if (entry.kind === 'folder') this.#unread = this.#padding = entry.storedSize = 0
    return entry
  }

  async #header(): Promise<Buffer | undefined> {
    const block = this.#source.takeNow(BLOCK) ?? (await this.#source.take(BLOCK))
    if (block === undefined) return undefined
    this.#onRaw(block)
    if (!isZero(block)) {
      verifyChecksum(block)
      return block
    }
    this.terminated = true
    const second = await this.#source.take(BLOCK)
    if (second !== undefined) this.#onRaw(second)
    if (second !== undefined && !isZero(second)) throw new InvalidParameter('archive/tar: invalid tar header')
    return undefined
  }

  async #extendedHeader(header: Buffer): Promise<Buffer> {
    const size = storedSizeOf(header)
    if (size > MAX_EXTENDED_HEADER) throw new InvalidParameter('archive/tar: extended header too large')
    const bytes = await this.#raw(size)
    await this.#raw(padding(size))
    return bytes
  }

  async #oldSparseMap(header: Buffer): Promise<Entry['extents']> {
    let { extents, more } = sparseExtents(header)
    while (more) {
      const extension = sparseExtension(await this.#raw(BLOCK))
      extents = extents.concat(extension.extents)
      more = extension.more
      if (extents.length > MAX_SPARSE_EXTENTS) throw new InvalidParameter('archive/tar: sparse map too large')
    }
    return extents
  }

  /** A count of extents, then their numbers, a line each, filled up to whole blocks. */
  async #sparseMapInContent(): Promise<Entry['extents']> {
    const lines: string[] = []
    let partial = ''
    let expected = Number.POSITIVE_INFINITY
    while (lines.length < expected) {
      if (this.#unread < BLOCK) throw new InvalidParameter('archive/tar: invalid sparse map')
      const block = await this.#raw(BLOCK)
      this.#unread -= BLOCK
      const complete = (partial + block.toString('latin1')).split('\n')
      partial = complete.pop()!
      lines.push(...complete)
      if (lines.length > 0) expected = 1 + 2 * Number(lines[0])
      if (!(expected <= 1 + 2 * MAX_SPARSE_EXTENTS || lines.length === 0)) {
        throw new InvalidParameter('archive/tar: invalid sparse map')
      }
    }
    return decodeSparseMap(lines.slice(1, expected))
  }

  async #raw(size: number): Promise<Buffer> {
    if (size === 0) return Buffer.alloc(0)
    const bytes = this.#source.takeNow(size) ?? (await this.#source.take(size))
    if (bytes === undefined) throw new UnexpectedEnd()
    this.#onRaw(bytes)
    return bytes
  }

  async #some(): Promise<Buffer> {
    const bytes = await this.#source.takeSome(this.#unread)
    if (bytes === undefined) throw new UnexpectedEnd()
    this.#unread -= bytes.length
    return bytes
  }

  async #skipContent(): Promise<void> {
    while (this.#unread > 0) this.#onRaw(await this.#some())
    await this.#raw(this.#padding)
    this.#padding = 0
  }
}

function untilNul(bytes: Buffer): ByteString {
  const end = bytes.indexOf(0)
  return fromBytes(end === -1 ? bytes : bytes.subarray(0, end))
}
