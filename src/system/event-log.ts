/**
 * What happened lately, and whoever wants to hear of what happens next. As Docker, it remembers the last 256 events and
 * forgets them when the daemon ends.
 * Contract: Docker Engine API v1.47, GET /events.
 */

import type { Filters, SkiffEvent } from '../containers/types.ts'
import { nowNs } from '../kernel/clock.ts'
import { Unavailable } from '../kernel/errors.ts'
import { matchesEvent } from './event-filter.ts'
import type { EventService, EventsRequest } from './types.ts'

const REMEMBERED = 256
/** Events that a reader may be behind. Beyond it the reader is dropped, not the daemon's memory filled. */
const MAX_BACKLOG = 16_384

export type EventDraft = Omit<SkiffEvent, 'timeNs'> & { timeNs?: bigint }

export class EventLog implements EventService {
  readonly #past: SkiffEvent[] = []
  readonly #readers = new Set<Reader>()

  /** Who listens at the moment. */
  get listeners(): number {
    return this.#readers.size
  }

  emit({ timeNs = nowNs(), ...draft }: EventDraft): void {
    const event: SkiffEvent = { ...draft, timeNs }
    this.#past.push(event)
    if (this.#past.length > REMEMBERED) this.#past.shift()
    for (const reader of this.#readers) reader.offer(event)
  }

  // Not an async generator: it must listen from the call on, not from the first next().
  stream({ sinceNs, untilNs, filters }: EventsRequest, signal: AbortSignal): AsyncIterable<SkiffEvent> {
    const reader = new Reader(filters, () => this.#readers.delete(reader))
    // Docker replays the past only when asked for a beginning, or for an end that has passed.
    const from = sinceNs ?? (untilNs === null ? null : 0n)
    if (from !== null) {
      for (const event of this.#past) {
        if (event.timeNs >= from && (untilNs === null || event.timeNs <= untilNs)) reader.offer(event)
      }
    }
    const remainingMs = untilNs === null ? null : Number((untilNs - nowNs()) / 1_000_000n)
    if (signal.aborted || (remainingMs !== null && remainingMs <= 0)) {
      reader.end()
      return reader
    }
    this.#readers.add(reader)
    signal.addEventListener('abort', () => reader.end(), { once: true })
    if (remainingMs !== null) reader.endIn(remainingMs)
    return reader
  }
}

/** The longest delay that setTimeout takes, about 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

class Reader implements AsyncIterable<SkiffEvent>, AsyncIterator<SkiffEvent> {
  readonly #filters: Filters
  readonly #onEnd: () => void
  readonly #backlog: SkiffEvent[] = []
  #ended = false
  #overrun = false
  #wake: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(filters: Filters, onEnd: () => void) {
    this.#filters = filters
    this.#onEnd = onEnd
  }

  offer(event: SkiffEvent): void {
    if (this.#ended || !matchesEvent(event, this.#filters)) return
    if (this.#backlog.length >= MAX_BACKLOG) {
      this.#overrun = true
      this.end()
      return
    }
    this.#backlog.push(event)
    this.#wake?.()
  }

  endIn(ms: number): void {
    this.#timer = setTimeout(
      () => (ms > MAX_TIMEOUT_MS ? this.endIn(ms - MAX_TIMEOUT_MS) : this.end()),
      Math.min(ms, MAX_TIMEOUT_MS),
    )
    this.#timer.unref()
  }

  end(): void {
    this.#ended = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#onEnd()
    this.#wake?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<SkiffEvent> {
    return this
  }

  async next(): Promise<IteratorResult<SkiffEvent>> {
    while (this.#backlog.length === 0) {
      if (this.#overrun) throw new Unavailable('events came faster than they were read')
      if (this.#ended) return { done: true, value: undefined }
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = null
    }
    return { done: false, value: this.#backlog.shift()! }
  }

  async return(): Promise<IteratorResult<SkiffEvent>> {
    this.end()
    return { done: true, value: undefined }
  }
}
