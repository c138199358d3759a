/** A build as lines, each with the number of its step: for files, pipes and logs. */

import type { Writable } from 'node:stream'
import type { BuildEvent, Progress } from './events.ts'

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`

export class PlainProgress implements Progress {
  readonly #sink: Writable
  /** By step, what has come of a line that is not complete yet. */
  readonly #partial = new Map<number, string>()
  #total = 0

  constructor(sink: Writable) {
    this.#sink = sink
  }

  event(event: BuildEvent): void {
    switch (event.kind) {
      case 'plan':
        this.#total = event.total
        break
      case 'begin':
        this.#line(event.step, event.text.replaceAll('\n', ' '))
        break
      case 'pull':
        if (event.progress.status && !event.progress.progressDetail?.current) {
          this.#line(event.step, `${event.progress.id ? `${event.progress.id}: ` : ''}${event.progress.status}`)
        }
        break
      case 'output':
        this.#output(event.step, event.text)
        break
      case 'end':
        this.#finish(event.step)
        this.#line(event.step, event.cached ? 'CACHED' : `DONE ${seconds(event.ms)}`)
        break
      case 'warning':
        this.#sink.write(`warning: ${event.message}\n`)
    }
  }

  close(): void {
    for (const step of this.#partial.keys()) this.#finish(step)
  }

  #output(step: number, text: string): void {
    const lines = `${this.#partial.get(step) ?? ''}${text}`.split('\n')
    this.#partial.set(step, lines.pop() ?? '')
    for (const line of lines) this.#line(step, `  ${line.replace(/\r$/, '')}`)
  }

  #finish(step: number): void {
    const rest = this.#partial.get(step)
    if (rest) this.#line(step, `  ${rest}`)
    this.#partial.delete(step)
  }

  #line(step: number, text: string): void {
    this.#sink.write(`[${step}/${this.#total}] ${text}\n`)
  }
}
