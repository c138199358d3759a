/** Lines of several containers in one output, each behind the name of its own. */

import { Writable } from 'node:stream'
import { write } from '../../client/write.ts'

const COLORS = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]

/** Gives out prefixes; all are as wide as the widest name that is known. */
export class Prefixes {
  readonly #colors = new Map<string, number>()
  #width = 0

  constructor(
    readonly coloured: boolean,
    readonly none: boolean,
  ) {}

  /** To be called for all names that are known beforehand. */
  expect(name: string): void {
    this.#width = Math.max(this.#width, name.length)
  }

  of(name: string): string {
    if (this.none) return ''
    this.expect(name)
    const color = this.#colors.get(name) ?? COLORS[this.#colors.size % COLORS.length] ?? 0
    this.#colors.set(name, color)
    const text = `${name.padEnd(this.#width + 1)} | `
    return this.coloured ? `\x1b[${color}m${text}\x1b[0m` : text
  }
}

/** Takes what a container writes and passes on whole lines. `finish` writes a last line that had no end. */
export class LineSink extends Writable {
  #rest = Buffer.alloc(0)

  constructor(
    readonly sink: Writable,
    readonly prefix: () => string,
  ) {
    super()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    const end = bytes.lastIndexOf(10) + 1
    this.#rest = Buffer.from(bytes.subarray(end))
    if (end === 0) {
      done()
      return
    }
    const lines = bytes.subarray(0, end).toString().slice(0, -1).split('\n')
    const prefix = this.prefix()
    write(this.sink, lines.map(line => `${prefix}${line}\n`).join('')).then(() => done(), done)
  }

  async finish(): Promise<void> {
    if (this.#rest.length > 0) await write(this.sink, `${this.prefix()}${this.#rest.toString()}\n`)
    this.#rest = Buffer.alloc(0)
  }
}
