/** How many transfers run at once, as dockerd's --max-concurrent-downloads and --max-concurrent-uploads. */

export class Transfers {
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(private readonly limit: number) {}

  /** Runs `job` when there is room for it. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#running >= this.limit) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await job()
    } finally {
      const next = this.#waiting.shift()
      // The next one takes over this one's place.
      if (next) next()
      else this.#running--
    }
  }
}
