/** One shell that keeps its folder and variables from command to command, as a reader's does. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'

export interface Printed {
  readonly output: string
  readonly exitCode: number
}

export class Shell {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #mark = randomBytes(8).toString('hex')
  #output = ''
  #wake: () => void = () => undefined

  constructor(options: { cwd: string; env: Record<string, string | undefined> }) {
    this.#process = spawn('bash', ['--norc', '--noprofile'], options)
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        this.#output += text
        this.#wake()
      })
    }
    this.#process.once('exit', () => this.#wake())
  }

  /** What the command prints, stdout and stderr as they come. Its stdin is empty. */
  async run(command: string): Promise<Printed> {
    this.#output = ''
    this.#process.stdin.write(`{ ${command}\n} </dev/null 2>&1; printf '%s %d\\n' ${this.#mark} $?\n`)
    const end = new RegExp(`${this.#mark} (\\d+)\\n$`)
    for (;;) {
      const found = end.exec(this.#output)
      if (found) return { output: this.#output.slice(0, found.index), exitCode: Number(found[1]) }
      if (this.#process.exitCode !== null) return { output: this.#output, exitCode: this.#process.exitCode }
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async close(): Promise<void> {
    const ended = new Promise<void>(resolve => this.#process.once('close', () => resolve()))
    if (this.#process.exitCode !== null) return
    this.#process.stdin.end()
    await ended
  }
}
