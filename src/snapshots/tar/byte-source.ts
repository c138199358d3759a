/** A stream of chunks of any size, read in pieces of a wanted size. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { notePassing } from '../../kernel/passing-memory.ts'

/** The stream ended in the middle of something. */
export class UnexpectedEnd extends InvalidParameter {
  constructor() {
    super('unexpected EOF')
  }
}

const NOTHING = Buffer.alloc(0)

export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #onSpent: ((chunk: Uint8Array) => void) | undefined
  #chunk: Uint8Array | undefined
  #current: Buffer = NOTHING

  /** `onSpent` gets each chunk back when what was taken of it is not to be looked at any more: the next one was asked for. */
  constructor(source: AsyncIterable<Uint8Array>, onSpent?: (chunk: Uint8Array) => void) {
    this.#chunks = source[Symbol.asyncIterator]()
    this.#onSpent = onSpent
  }

  /** Just `size` bytes if they are at hand in one piece. The fast path: most files are small. */
  takeNow(size: number): Buffer | undefined {
    if (this.#current.length < size) return undefined
    const taken = this.#current.subarray(0, size)
    this.#current = this.#current.subarray(size)
    return taken
  }

  /** Just `size` bytes. @throws UnexpectedEnd if the stream ends within them; undefined if it ends before the first */
  async take(size: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = []
    let missing = size
    while (missing > 0) {
      const piece = await this.takeSome(missing)
      if (piece === undefined) break
      missing -= piece.length
      // A copy, if more is to come: the chunk may be given back then.
      pieces.push(missing === 0 ? piece : Buffer.from(piece))
    }
    if (missing === 0) return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
    if (missing === size) return undefined
    throw new UnexpectedEnd()
  }

  /** What is at hand, at least one byte and at most `limit`; undefined at the end. */
  async takeSome(limit: number): Promise<Buffer | undefined> {
    while (this.#current.length === 0) {
      if (this.#chunk !== undefined) this.#onSpent?.(this.#chunk)
      this.#chunk = undefined
      this.#current = NOTHING
      const { value, done } = await this.#chunks.next()
      if (done) return undefined
      this.#chunk = value
      if (this.#onSpent === undefined) notePassing(value.byteLength)
      this.#current = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    return this.takeNow(Math.min(limit, this.#current.length))
  }

  /** Gives bytes back, to be read again. */
  putBack(bytes: Buffer): void {
    if (bytes.length === 0) return
    const { buffer, byteOffset, length } = this.#current
    // Mostly they are what was taken last.
    if (bytes.buffer === buffer && bytes.byteOffset + bytes.length === byteOffset)
      this.#current = Buffer.from(buffer, bytes.byteOffset, bytes.length + length)
    else this.#current = length === 0 ? bytes : Buffer.concat([bytes, this.#current])
  }

  /** Ends the stream early, so that whoever writes it stops. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
