/** Random numbers that can be had again: mulberry32, by Tommy Ettinger (public domain). */
export class Random {
  #state: number
  constructor(readonly seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** An integer in [0, below). */
  below = (below: number): number => Math.floor(this.next() * below)
  pick = <T>(list: readonly T[]): T => list[this.below(list.length)] as T
}
