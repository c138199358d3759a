/** Values of log options, read as Go reads them for Docker: github.com/docker/go-units, strconv. */

import { booleanOf } from '../../kernel/booleans.ts'
import { InvalidParameter } from '../../kernel/errors.ts'

const SIZE = /^(\d+(?:\.\d+)*) ?([kmgtp])?i?b?$/i
const POWERS: Record<string, number> = { k: 1, m: 2, g: 3, t: 4, p: 5 }

/** '10m' is ten million for the size of a file (`base` 1000), and 10 MiB for memory (1024). @throws InvalidParameter */
export function parseSize(text: string, base: 1000 | 1024): number {
  const [, digits, unit = ''] = SIZE.exec(text) ?? []
  if (digits === undefined) throw new InvalidParameter(`invalid size: '${text}'`)
  return Math.floor(Number.parseFloat(digits) * base ** (POWERS[unit.toLowerCase()] ?? 0))
}

/** @throws InvalidParameter */
export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidParameter(`strconv.Atoi: parsing "${text}": invalid syntax`)
  return Number(text)
}

/** @throws InvalidParameter */
export function parseBoolean(text: string): boolean {
  const value = booleanOf(text)
  if (value === undefined) throw new InvalidParameter(`strconv.ParseBool: parsing "${text}": invalid syntax`)
  return value
}

/** The words of an error put behind others, as Docker wraps its own. */
export function worded<T>(prefix: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof InvalidParameter) throw new InvalidParameter(`${prefix}${error.message}`, { cause: error })
    throw error
  }
}
