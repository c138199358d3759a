/**
 * The body of an HTTP answer, which a thread writes to the client's socket itself: RFC 9112, section 7.1, "Chunked Transfer
 * Coding". The server has sent the header and sends the last chunk; in between nobody else writes to the connection.
 */

import { setImmediate } from 'node:timers/promises'
import { awaitRoom, sendFile, widen, writeSome } from '../../kernel/transfer.ts'
import { type FileRange, type Piece, readInto } from '../pieces.ts'
import type { Output } from './streams.ts'

const GATHERED = 256 * 1024
/** Before the gathered bytes: the end of the chunk before, and the length of theirs. */
const HEAD = 24
/** Below this it costs less to read a file than to send what was gathered before it. */
const SMALLEST_SENT = 32 * 1024
/** In the kernel at most, not read by the client yet. */
const ON_ITS_WAY = 2 * 1024 * 1024
/** How long the thread does not hear of an abort when the client reads nothing. */
const DEAF_MS = 100

export class SocketOutput implements Output {
  readonly #socket: number
  readonly #memory = Buffer.allocUnsafeSlow(HEAD + GATHERED)
  #length = 0
  #isInside = false
  #stopped: Error | undefined

  constructor(socket: number) {
    this.#socket = socket
    widen(socket, ON_ITS_WAY)
  }

  put(piece: Piece): Promise<void> | undefined {
    if (!Buffer.isBuffer(piece)) return this.#range(piece)
    return this.send(piece)
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > GATHERED - this.#length) return this.#sendInParts(bytes)
    this.#memory.set(bytes, HEAD + this.#length)
    this.#length += bytes.length
    return undefined
  }

  async end(): Promise<void> {
    await this.#flush()
    if (this.#isInside) await this.#write(Buffer.from('\r\n'))
  }

  /** Makes what waits for the client throw. */
  stop(reason: Error): void {
    this.#stopped ??= reason
  }

  async #sendInParts(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#length === GATHERED) await this.#flush()
      const part = bytes.subarray(at, at + GATHERED - this.#length)
      this.#memory.set(part, HEAD + this.#length)
      this.#length += part.length
      at += part.length
    }
  }

  #range(range: FileRange): Promise<void> | undefined {
    if (range.length === 0) return undefined
    if (range.length >= SMALLEST_SENT) return this.#flush(range)
    if (range.length > GATHERED - this.#length) return this.#flush().then(() => this.#gather(range))
    this.#gather(range)
    return undefined
  }

  #gather({ file, offset, length }: FileRange): void {
    for (let at = 0; at < length; ) {
      const room = this.#memory.subarray(HEAD + this.#length, HEAD + this.#length + length - at)
      const count = readInto(room, file, offset + at).length
      at += count
      this.#length += count
    }
  }

  /** One chunk: what was gathered, and behind it a range of a file. */
  async #flush(range?: FileRange): Promise<void> {
    const length = this.#length + (range?.length ?? 0)
    if (length === 0) return
    const head = `${this.#isInside ? '\r\n' : ''}${length.toString(16)}\r\n`
    const begin = HEAD - head.length
    this.#memory.write(head, begin, 'latin1')
    await this.#write(this.#memory.subarray(begin, HEAD + this.#length))
    this.#isInside = true
    this.#length = 0
    if (range !== undefined) await this.#sendFile(range)
  }

  async #sendFile({ file, offset, length }: FileRange): Promise<void> {
    for (let at = 0; at < length; ) {
      const sent = sendFile(this.#socket, file, offset + at, length - at)
      if (sent === 'full') await this.#room()
      else if (typeof sent === 'object') at += sent.bytes
      else {
        // Read, or filled up with zeros behind the end: the chunk's length has been told.
        const part = readInto(this.#memory.subarray(0, Math.min(length - at, GATHERED)), file, offset + at)
        await this.#write(part)
        at += part.length
      }
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const count = writeSome(this.#socket, bytes.subarray(at))
      if (count === 0) await this.#room()
      at += count
    }
  }

  async #room(): Promise<void> {
    awaitRoom(this.#socket, DEAF_MS)
    // Lets an abort arrive.
    await setImmediate()
    if (this.#stopped !== undefined) throw this.#stopped
  }
}
