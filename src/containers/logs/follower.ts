/** Notices that a log grows, is rotated, or is complete: by inotify on its folder, without looking again and again. */

import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

export class Follower {
  ended = false
  #changed = false
  #wake: (() => void) | null = null
  readonly #watcher: FSWatcher

  /** `gone`: nobody reads any more. */
  constructor(path: string, end: Promise<unknown>, gone: AbortSignal) {
    const name = basename(path)
    this.#watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed === name) this.#notify()
    })
    // The folder goes when the container is removed: then there is nothing left to follow.
    this.#watcher.on('error', () => this.#end())
    if (gone.aborted) this.#end()
    else gone.addEventListener('abort', () => this.#end(), { once: true })
    end.then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  #notify(): void {
    this.#changed = true
    this.#wake?.()
  }

  #end(): void {
    this.ended = true
    this.#notify()
  }

  /** Resolves when something has changed since the last call, or at `untilNs` (nanoseconds since the epoch). */
  async change(untilNs: bigint | null): Promise<void> {
    if (!this.#changed) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
        if (untilNs === null) return
        const ms = Number(untilNs / 1_000_000n) - Date.now() + 1
        timer = setTimeout(resolve, Math.min(Math.max(ms, 0), 2 ** 31 - 1))
      })
      clearTimeout(timer)
      this.#wake = null
    }
    this.#changed = false
  }

  close(): void {
    this.#watcher.close()
    this.#wake?.()
  }
}
