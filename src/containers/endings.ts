/** Who waits for a container: for the next end of its process, or for its removal. */

import type { WaitResult } from './types.ts'

interface Deferred {
  promise: Promise<WaitResult>
  resolve: (result: WaitResult) => void
}

function defer(): Deferred {
  let resolve: (result: WaitResult) => void = () => {}
  const promise = new Promise<WaitResult>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

export class Endings {
  #end = defer()
  #removal = defer()

  /** The next time that the process ends, counted from now. */
  get nextEnd(): Promise<WaitResult> {
    return this.#end.promise
  }

  get removal(): Promise<WaitResult> {
    return this.#removal.promise
  }

  ended(result: WaitResult): void {
    const { resolve } = this.#end
    this.#end = defer()
    resolve(result)
  }

  removed(result: WaitResult): void {
    this.#end.resolve(result)
    this.#removal.resolve(result)
  }

  /** It was to be removed and could not be. */
  removalFailed(result: WaitResult): void {
    const { resolve } = this.#removal
    this.#removal = defer()
    resolve(result)
  }
}
