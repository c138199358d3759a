/**
 * A build on a terminal: a line for each step, which stays when the step has ended, and below them the steps that run, each with the
 * last lines of its output. What runs is painted anew ten times a second at the most.
 */

import type { Writable } from 'node:stream'
import type { BuildEvent, Progress } from './events.ts'
import { seconds } from './plain.ts'

const TAIL = 6
const FAILED_TAIL = 30
const PAINT_MS = 100
const DIM = '\u001b[2m'
const BOLD = '\u001b[1m'
const PLAIN = '\u001b[0m'

interface RunningStep {
  text: string
  began: number
  lines: string[]
  status: string
}

export interface ScreenOptions {
  sink: Writable
  /** Asked each time: windows change. */
  columns: () => number
}

export class ScreenProgress implements Progress {
  readonly #sink: Writable
  readonly #columns: () => number
  readonly #running = new Map<number, RunningStep>()
  readonly #timer: NodeJS.Timeout
  #painted = 0
  #total = 0

  constructor({ sink, columns }: ScreenOptions) {
    this.#sink = sink
    this.#columns = columns
    this.#timer = setInterval(() => this.#paint(), PAINT_MS)
    this.#timer.unref()
  }

  event(event: BuildEvent): void {
    if (event.kind === 'plan') this.#total = event.total
    else if (event.kind === 'begin') this.#begin(event.step, event.text)
    else if (event.kind === 'output') this.#output(event.step, event.text)
    else if (event.kind === 'pull') this.#pull(event)
    else if (event.kind === 'end') this.#end(event)
    else if (event.kind === 'warning') this.#keep(`warning: ${event.message}`)
  }

  /** Steps that have not ended have failed, or were stopped: their output stays to be read. */
  close(): void {
    clearInterval(this.#timer)
    this.#erase()
    for (const [step, { text, lines, began }] of this.#running) {
      this.#sink.write(`${this.#head(step, text, seconds(performance.now() - began))}\n`)
      for (const line of lines) this.#sink.write(`  ${line}\n`)
    }
    this.#running.clear()
  }

  #begin(step: number, text: string): void {
    this.#running.set(step, { text: text.replace(/\s+/g, ' '), began: performance.now(), lines: [], status: '' })
  }

  #output(step: number, text: string): void {
    const running = this.#running.get(step)
    if (running === undefined) return
    const [first = '', ...others] = text.split('\n')
    // The last line may go on.
    const lines = [...running.lines.slice(0, -1), `${running.lines.at(-1) ?? ''}${first}`, ...others]
    running.lines = lines.slice(-FAILED_TAIL).map(line => line.replace(/^.*\r(?=.)/, ''))
  }

  #pull({ step, progress }: Extract<BuildEvent, { kind: 'pull' }>): void {
    const running = this.#running.get(step)
    if (running) running.status = `${progress.id ? `${progress.id}: ` : ''}${progress.status ?? ''}`
  }

  #end({ step, cached, ms }: Extract<BuildEvent, { kind: 'end' }>): void {
    const text = this.#running.get(step)?.text ?? ''
    this.#running.delete(step)
    this.#keep(this.#head(step, text, cached ? 'CACHED' : seconds(ms)))
  }

  #keep(line: string): void {
    this.#erase()
    this.#sink.write(`${line}\n`)
    this.#paint()
  }

  /** The step at the left, its time at the right. */
  #head(step: number, text: string, time: string): string {
    const number = `[${step}/${this.#total}]`
    const room = Math.max(this.#columns() - number.length - time.length - 4, 10)
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text.padEnd(room)
    return `${BOLD}${number}${PLAIN} ${shown}  ${time}`
  }

  #paint(): void {
    this.#erase()
    const rows: string[] = []
    for (const [step, { text, began, lines, status }] of this.#running) {
      rows.push(this.#head(step, text, seconds(performance.now() - began)))
      const tail = status === '' ? lines.filter(line => line !== '').slice(-TAIL) : [status]
      for (const line of tail) rows.push(`${DIM}  ${line.slice(0, this.#columns() - 3)}${PLAIN}`)
    }
    if (rows.length === 0) return
    this.#sink.write(`${rows.join('\n')}\n`)
    this.#painted = rows.length
  }

  #erase(): void {
    if (this.#painted > 0) this.#sink.write(`\u001b[${this.#painted}A\u001b[J`)
    this.#painted = 0
  }
}
