/** Query parameters, read as Docker's daemon reads them. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { decodeFilters } from '../codec/filters.ts'

export class Query {
  readonly #parameters: URLSearchParams

  constructor(search: string) {
    this.#parameters = new URLSearchParams(search)
  }

  has(name: string): boolean {
    return this.#parameters.has(name)
  }

  /** '' when it is missing. */
  text(name: string): string {
    return this.#parameters.get(name) ?? ''
  }

  all(name: string): string[] {
    return this.#parameters.getAll(name)
  }

  /** Whatever is not a word for "no" is yes; missing is `missing`. */
  flag(name: string, missing = false): boolean {
    if (!this.has(name)) return missing
    return !['', '0', 'no', 'false', 'none'].includes(this.text(name).trim().toLowerCase())
  }

  /** @throws InvalidParameter for what is no whole number, and when it is missing without a `missing` */
  int(name: string, missing?: number): number {
    const text = this.text(name)
    if (text === '' && missing !== undefined) return missing
    if (!/^[+-]?\d+$/.test(text)) throw new InvalidParameter(`strconv.Atoi: parsing ${quote(text)}: invalid syntax`)
    const value = Number(text)
    if (!Number.isSafeInteger(value)) {
      throw new InvalidParameter(`strconv.Atoi: parsing ${quote(text)}: value out of range`)
    }
    return value
  }

  /**
   * A moment as `docker events` and `docker logs` send it: seconds since the epoch, with up to nine decimals.
   * null when missing, empty or '0'. In nanoseconds.
   */
  timestamp(name: string): bigint | null {
    const text = this.text(name)
    if (text === '' || text === '0') return null
    const [seconds = '', fraction = ''] = text.split('.', 2)
    if (!/^-?\d+$/.test(seconds)) {
      throw new InvalidParameter(`strconv.ParseInt: parsing ${quote(seconds)}: invalid syntax`)
    }
    if (!/^\d*$/.test(fraction)) {
      throw new InvalidParameter(`strconv.ParseInt: parsing ${quote(fraction)}: invalid syntax`)
    }
    return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  }

  anyFilters(): Record<string, string[]> {
    return decodeFilters(this.text('filters'))
  }

  /** A filter nobody declared is refused: a typing error must not mean "everything". */
  filters(known: readonly string[]): Record<string, string[]> {
    const filters = this.anyFilters()
    for (const key of Object.keys(filters)) {
      if (!known.includes(key)) throw new InvalidParameter(`invalid filter '${key}'`)
    }
    return filters
  }
}

/** As Go's strconv.Quote: near enough to JSON's. */
const quote = (text: string): string => JSON.stringify(text)
