/** The keys that leave a container running: ctrl-p ctrl-q, or what --detach-keys says. */

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q'

const CONTROL: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** The bytes of `ctrl-a,x,DEL`. @throws Error for an unknown key */
export function parseDetachKeys(text: string): number[] {
  return text.split(',').map(key => {
    if ([...key].length === 1) return key.codePointAt(0) ?? 0
    if (key.toUpperCase() === 'DEL') return 127
    const letter = /^ctrl-(.)$/i.exec(key)?.[1]
    const code =
      letter !== undefined &&
      (CONTROL[letter] ?? (/[a-z]/i.test(letter) ? letter.toLowerCase().charCodeAt(0) - 96 : undefined))
    if (typeof code !== 'number') throw new Error(`Unknown character: '${key}'`)
    return code
  })
}

/**
 * Watches what is typed. Keys of a sequence that has begun are held back until it is clear whether it goes on:
 * the container must not get a ctrl-p that was meant for us.
 */
export class DetachWatch {
  #held = 0
  constructor(readonly keys: readonly number[]) {}

  /** What to pass on, and whether the sequence is complete. */
  take(typed: Buffer): { pass: Buffer; detached: boolean } {
    const pass: number[] = []
    for (const byte of typed) {
      if (byte !== this.keys[this.#held]) {
        pass.push(...this.keys.slice(0, this.#held))
        this.#held = 0
      }
      if (byte !== this.keys[this.#held]) pass.push(byte)
      else if (++this.#held === this.keys.length) return { pass: Buffer.from(pass), detached: true }
    }
    return { pass: Buffer.from(pass), detached: false }
  }
}
