/** How many transfers run at once, as dockerd's --max-concurrent-downloads and --max-concurrent-uploads. */

export class Transfers {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** @param limit 0: as many as there are */
  constructor(private readonly limit: number) {}

  get isFull(): boolean {
    return this.limit > 0 && this.#running >= this.limit
  }

  /** Runs `job` when there is room for it. @throws what `signal` was aborted with, at once if it still waits */
  async run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    if (this.isFull) await this.#turn(signal)
    else this.#running++
    try {
      signal.throwIfAborted()
      return await job()
    } finally {
      const next = this.#waiting.shift()
      // The next one takes over this one's place.
      if (next) next()
      else this.#running--
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        const at = this.#waiting.indexOf(start)
        if (at !== -1) this.#waiting.splice(at, 1)
        reject(signal.reason)
      }
      signal.throwIfAborted()
      this.#waiting.push(start)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
