/**
 * What has to be kept of a layer's archive, besides the files it was unpacked to, to repeat it byte for byte: its headers,
 * paddings and trailer, and where each content went. So a layer lies on disk once, and `save` and `push` still give the archive
 * whose digest is the layer's name.
 *
 * A tape is a gzip file of records, each a line and for `raw` the bytes behind it:
 *
 *     raw N                      N bytes follow, as they stood in the archive
 *     zero N                     N zeros stood there
 *     file OFFSET LENGTH GENERATION PATH
 *                                this range of that file stood there; a newline or % in the path is %0A, %25.
 *                                The generation counts the files that an archive has at the same path, from 0.
 */

import { closeSync, createReadStream, createWriteStream, openSync, type WriteStream, writeFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { createGunzip, createGzip, type Gzip, gzipSync } from 'node:zlib'
import { ByteSource, UnexpectedEnd } from './tar/byte-source.ts'
import { type ByteString, toBytes } from './tar/byte-string.ts'

const BATCH = 256 * 1024
const LONGEST_LINE = 16384
const LEVEL = 1

export type TapeRecord =
  | { kind: 'raw'; bytes: Buffer }
  | { kind: 'zero'; length: number }
  | { kind: 'file'; path: ByteString; generation: number; offset: number; length: number }

export class TapeWriter {
  /** Opened at once: an abandoned tape must not appear after its folder was cleaned up. */
  readonly #file: number
  #isClosed = false
  /** For tapes that are longer than one batch. */
  #stream: TapeStream | undefined
  #pending: Buffer[] = []
  #pendingSize = 0
  #raw: Buffer[] = []
  #zeros = 0

  constructor(path: string) {
    this.#file = openSync(path, 'wx', 0o600)
  }

  raw(bytes: Buffer): void {
    // Paddings are zeros, and the trailer can be a great many of them.
    if (isAllZero(bytes)) {
      this.#flushRaw()
      this.#zeros += bytes.length
      return
    }
    this.#flushZeros()
    // A copy: the chunk that it is part of may be much larger.
    this.#raw.push(Buffer.from(bytes))
  }

  file(path: ByteString, generation: number, offset: number, length: number): void {
    if (length === 0) return
    this.#flushRaw()
    this.#flushZeros()
    const escaped = path.replace(/[%\n]/g, char => (char === '%' ? '%25' : '%0A')) as ByteString
    this.#push(toBytes(`file ${offset} ${length} ${generation} ${escaped}\n` as ByteString))
  }

  /** Waits until what was written so far is compressed, so that a long tape does not pile up in memory. */
  async settle(): Promise<void> {
    if (this.#pendingSize >= BATCH || this.#raw.length > 64) this.#flushRaw()
    if (this.#pendingSize < BATCH) return
    const batch = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingSize = 0
    this.#stream ??= new TapeStream(this.#file)
    await this.#stream.write(batch)
  }

  async finish(): Promise<void> {
    this.#flushRaw()
    this.#flushZeros()
    const rest = Buffer.concat(this.#pending)
    if (this.#stream !== undefined) return this.#stream.end(rest)
    // Most tapes are short: done here before a stream is set up.
    try {
      writeFileSync(this.#file, gzipSync(rest, { level: LEVEL }))
    } finally {
      this.#close()
    }
  }

  /** Ends without a result; the file is the caller's to delete. */
  abandon(): void {
    if (this.#stream === undefined) this.#close()
    else this.#stream.destroy()
  }

  #close(): void {
    if (!this.#isClosed) closeSync(this.#file)
    this.#isClosed = true
  }

  #flushRaw(): void {
    if (this.#raw.length === 0) return
    const bytes = Buffer.concat(this.#raw)
    this.#raw = []
    this.#push(Buffer.from(`raw ${bytes.length}\n`))
    this.#push(bytes)
  }

  #flushZeros(): void {
    if (this.#zeros === 0) return
    this.#push(Buffer.from(`zero ${this.#zeros}\n`))
    this.#zeros = 0
  }

  #push(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingSize += bytes.length
  }
}

/** Compresses beside the thread that writes to it. */
class TapeStream {
  readonly #gzip: Gzip = createGzip({ level: LEVEL, chunkSize: 64 * 1024 })
  readonly #file: WriteStream
  readonly #done: Promise<void>

  constructor(file: number) {
    this.#file = createWriteStream('', { fd: file })
    this.#gzip.on('error', error => this.#file.destroy(error))
    this.#file.on('error', error => this.#gzip.destroy(error))
    this.#gzip.pipe(this.#file)
    this.#done = finished(this.#file)
    // Whoever waits for end() hears of a failure; until then it is not unhandled.
    this.#done.catch(() => {})
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#gzip.write(bytes)) return
    await Promise.race([this.#done, new Promise(resolve => this.#gzip.once('drain', resolve))])
  }

  end(bytes: Buffer): Promise<void> {
    this.#gzip.end(bytes)
    return this.#done
  }

  destroy(): void {
    this.#gzip.destroy()
    this.#file.destroy()
  }
}

const ZEROS = Buffer.alloc(65536)

const isAllZero = (bytes: Buffer): boolean =>
  bytes.length <= ZEROS.length && bytes[0] === 0 && bytes.equals(ZEROS.subarray(0, bytes.length))

export async function* readTape(path: string): AsyncGenerator<TapeRecord> {
  const source = new ByteSource(createReadStream(path).pipe(createGunzip({ chunkSize: BATCH })))
  for (let line = await readLine(source); line !== undefined; line = await readLine(source)) {
    const [kind, first, second, third, ...rest] = line.split(' ')
    if (kind === 'zero') yield { kind, length: Number(first) }
    else if (kind === 'file') {
      const path = rest.join(' ').replace(/%(0A|25)/g, (_, code) => (code === '0A' ? '\n' : '%')) as ByteString
      yield { kind, path, generation: Number(third), offset: Number(first), length: Number(second) }
    } else if (kind === 'raw') {
      const bytes = await source.take(Number(first))
      if (bytes === undefined) throw new UnexpectedEnd()
      yield { kind, bytes }
    } else throw new Error(`${path} is not a tape`)
  }
}

async function readLine(source: ByteSource): Promise<string | undefined> {
  let line = ''
  for (;;) {
    const piece = await source.takeSome(LONGEST_LINE)
    if (piece === undefined) {
      if (line !== '') throw new UnexpectedEnd()
      return undefined
    }
    const newline = piece.indexOf(0x0a)
    if (newline === -1) {
      line += piece.toString('latin1')
      if (line.length > LONGEST_LINE) throw new Error('a tape has a line without an end')
      continue
    }
    source.putBack(piece.subarray(newline + 1))
    return line + piece.toString('latin1', 0, newline)
  }
}
