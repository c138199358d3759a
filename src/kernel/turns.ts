/**
 * Work that keeps the event loop for milliseconds at a time takes turns: one piece in each round of the loop, so that whoever lists, streams or
 * attaches comes in between, however many containers start or end at once. Node's guide: "Don't block the event loop".
 */

export class Turns {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Resolves at once if this round's turn is free, else in a later round, first come first served. */
  next(): Promise<void> {
    if (this.#taken) return new Promise(resolve => this.#waiting.push(resolve))
    this.#take()
    return Promise.resolve()
  }

  #take(): void {
    this.#taken = true
    // What is due by then (timers, requests that have come) is done first: an immediate runs after it.
    setImmediate(() => {
      const next = this.#waiting.shift()
      this.#taken = false
      if (next === undefined) return
      this.#take()
      next()
    })
  }
}
