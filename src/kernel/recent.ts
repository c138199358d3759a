/**
 * What the kernel said a moment ago, for what hardly ever changes and is asked for by every start: where fifty containers start at
 * once, one look does for all.
 */

const MOMENT_MS = 500

export class Recent<T> {
  readonly #known = new Map<string, { value: T; at: number }>()

  /** What `look` returned for this key, if it was not longer ago than a moment. */
  of(key: string, look: () => T): T {
    const now = performance.now()
    const known = this.#known.get(key)
    if (known !== undefined && now - known.at < MOMENT_MS) return known.value
    const value = look()
    this.#known.set(key, { value, at: now })
    return value
  }

  /** The next one looks again. */
  forget(): void {
    this.#known.clear()
  }
}
