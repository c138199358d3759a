/** One direction of a job's channel, at its two ends. */

import type { MessagePort } from 'node:worker_threads'
import { type FileRange, type Piece, readInto } from '../pieces.ts'
import { CHUNK, type Taken, WINDOW } from './protocol.ts'

/** Where a job's output goes. What put() and send() give, if anything, is to be awaited: too much is under way. */
export interface Output {
  put(piece: Piece): Promise<void> | undefined
  /** Copies the bytes. */
  send(bytes: Uint8Array): Promise<void> | undefined
  /** Has all bytes shown before they go on, where they pass through this process. */
  show?(to: (bytes: Uint8Array) => void): void
  end(): Promise<void>
  /** Makes the others throw, now if they wait. */
  stop(reason: Error): void
}

/** Where bytes are sent: gathers them into chunks and waits while too many are under way. */
export class Sender implements Output {
  readonly #port: MessagePort
  readonly #spare: ArrayBuffer[] = []
  #gathered = Buffer.allocUnsafeSlow(CHUNK)
  #length = 0
  #underWay = 0
  #show: (bytes: Uint8Array) => void = () => {}
  #wake: () => void = () => {}
  #stopped: Error | undefined

  constructor(port: MessagePort) {
    this.#port = port
  }

  show(to: (bytes: Uint8Array) => void): void {
    this.#show = to
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > CHUNK - this.#length) return this.#sendInParts(bytes)
    this.#gathered.set(bytes, this.#length)
    this.#length += bytes.length
    return this.#length === CHUNK ? this.#flush() : undefined
  }

  async #sendInParts(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + CHUNK - this.#length)
      this.#gathered.set(part, this.#length)
      this.#length += part.length
      at += part.length
      if (this.#length === CHUNK) await this.#flush()
    }
  }

  put(piece: Piece): Promise<void> | undefined {
    return Buffer.isBuffer(piece) ? this.send(piece) : this.#read(piece)
  }

  async #read({ file, offset, length }: FileRange): Promise<void> {
    for (let at = 0; at < length; ) {
      const room = this.#gathered.subarray(this.#length, this.#length + length - at)
      const count = readInto(room, file, offset + at).length
      at += count
      this.#length += count
      if (this.#length === CHUNK) await this.#flush()
    }
  }

  async end(): Promise<void> {
    await this.#flush()
    this.#port.postMessage({ end: true })
  }

  taken({ taken, spent }: Taken): void {
    this.#underWay -= taken
    this.#spare.push(...spent)
    this.#wake()
  }

  stop(reason: Error): void {
    this.#stopped ??= reason
    this.#wake()
  }

  async #flush(): Promise<void> {
    while (this.#underWay >= WINDOW && this.#stopped === undefined) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#stopped !== undefined) throw this.#stopped
    if (this.#length === 0) return
    const chunk = this.#gathered.subarray(0, this.#length)
    this.#show(chunk)
    this.#underWay += this.#length
    this.#port.postMessage({ chunk }, [chunk.buffer])
    const spare = this.#spare.pop()
    this.#gathered = spare === undefined ? Buffer.allocUnsafeSlow(CHUNK) : Buffer.from(spare)
    this.#length = 0
  }
}

/** Where they arrive, in order. */
export class Receiver implements AsyncIterable<Uint8Array> {
  readonly #port: MessagePort
  readonly #chunks: Uint8Array[] = []
  #taken = 0
  #spent: ArrayBuffer[] = []
  #ended = false
  #failure: Error | undefined
  #wake: () => void = () => {}

  constructor(port: MessagePort) {
    this.#port = port
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Gives the memory of a chunk back to the sender: nobody may look at it any more. */
  recycle({ buffer }: Uint8Array): void {
    if (buffer.byteLength === CHUNK && buffer instanceof ArrayBuffer) this.#spent.push(buffer)
  }

  fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#taken += chunk.length
        // Not for each chunk: a message wakes the other thread up. But before the sender runs out of leave to send.
        if (this.#taken >= WINDOW / 4) {
          this.#port.postMessage({ taken: this.#taken, spent: this.#spent } satisfies Taken, this.#spent)
          this.#taken = 0
          this.#spent = []
        }
        yield chunk
      } else if (this.#ended) return
      else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }
}
