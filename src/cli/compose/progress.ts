/** What is being done, as it goes on: lines that are drawn over on a terminal, one line for each step elsewhere. */

import type { Writable } from 'node:stream'
import type { Report } from '../../compose/run/report.ts'
import type { WindowSize } from '../session.ts'

interface Task {
  text: string
  done: boolean
  failed: boolean
  began: number
  ended: number
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 100

export class Progress {
  readonly #tasks = new Map<string, Task>()
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  constructor(
    readonly sink: Writable,
    /** undefined: no terminal. */
    readonly window: WindowSize | undefined,
    readonly quiet: boolean,
  ) {}

  report({ id, text, done, failed = false }: Report): void {
    if (this.quiet) return
    if (!this.window) return void this.sink.write(` ${id}  ${text}\n`)
    const now = Date.now()
    const known = this.#tasks.get(id)
    this.#tasks.set(id, { text, done, failed, began: known?.began ?? now, ended: now })
    this.#timer ??= setInterval(() => this.#draw(), FRAME_MS).unref()
    this.#draw()
  }

  /** A line above all others. */
  say(line: string): void {
    this.#erase()
    this.sink.write(`${line}\n`)
    if (this.#tasks.size > 0) this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#timer) this.#draw()
    this.#timer = undefined
    this.#tasks.clear()
    this.#drawn = 0
  }

  #erase(): void {
    if (this.#drawn > 0) this.sink.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }

  #draw(): void {
    if (!this.window) return
    const tasks = [...this.#tasks]
    const done = tasks.filter(([, task]) => task.done).length
    // A terminal that does not know its size says 0.
    const columns = this.window.columns || 80
    const rows = this.window.rows || 24
    const width = Math.max(...tasks.map(([id]) => id.length))
    const lines = tasks.map(([id, task]) => line(id, task, width))
    // The newest ones, as what has scrolled away cannot be drawn over.
    const shown = [`[+] Running ${done}/${tasks.length}`, ...lines.slice(-(rows - 2))]
    const cut = (text: string) => (text.length > columns - 1 ? text.slice(0, columns - 1) : text)
    this.#erase()
    this.sink.write(shown.map(text => `${cut(text)}\n`).join(''))
    this.#drawn = shown.length
  }
}

function line(id: string, { text, done, failed, began, ended }: Task, width: number): string {
  const seconds = (((done ? ended : Date.now()) - began) / 1000).toFixed(1)
  const mark = failed ? '✘' : done ? '✔' : FRAMES[Math.trunc(Date.now() / FRAME_MS) % FRAMES.length]
  return ` ${mark} ${id.padEnd(width)}  ${text.padEnd(10)} ${seconds}s`
}
