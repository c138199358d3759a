/** `--detach-keys ctrl-p,ctrl-q`: names of keys, as the bytes that a terminal sends for them. See ascii(7). */

import { InvalidParameter } from '../kernel/errors.ts'

const CONTROL: Record<string, number> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** @throws InvalidParameter */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array()
  return Uint8Array.from(text.split(','), key => byteOf(key, text))
}

function byteOf(key: string, all: string): number {
  if (key.length === 1) return key.charCodeAt(0) & 0xff
  const [, letter] = /^ctrl-(.)$/.exec(key) ?? []
  if (letter !== undefined && letter >= 'a' && letter <= 'z') return letter.charCodeAt(0) - 'a'.charCodeAt(0) + 1
  const byte = letter === undefined ? undefined : CONTROL[letter]
  if (byte === undefined) throw new InvalidParameter(`Invalid detach keys (${all}) provided`)
  return byte
}
