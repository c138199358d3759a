/** One thing after the other: what changes one container's state waits for what is changing it already. */

export class Queue {
  #tail: Promise<unknown> = Promise.resolve()

  /** Runs `job` when all earlier ones have ended, however they ended. Resolves or rejects as `job` does. */
  run<T>(job: () => Promise<T> | T): Promise<T> {
    const result = this.#tail.then(job)
    this.#tail = result.catch(() => {})
    return result
  }
}
