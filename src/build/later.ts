/** Work that may go on beside other work, and is waited for in the end. */

export class Later {
  readonly #tasks: Promise<unknown>[] = []
  #failure: { error: unknown } | null = null

  add(task: Promise<unknown>): void {
    this.#tasks.push(
      task.catch(error => {
        this.#failure ??= { error }
      }),
    )
  }

  /** Also for what is added meanwhile. Rejects with the first failure. */
  async done(): Promise<void> {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) await task
    if (this.#failure !== null) throw this.#failure.error
  }
}
