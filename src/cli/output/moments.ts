/** The moments that --since and --until take, as the API takes them: seconds since 1970 with nanoseconds. */

import { parseDuration } from './durations.ts'

/** A duration counts back from now; a date without a zone is local. Numbers pass as they are. @throws Error */
export function apiTimestamp(text: string, now = Date.now()): string {
  if (text === '' || /^\d+(\.\d+)?$/.test(text)) return text
  if (/^[+-]?(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/.test(text)) {
    // Without the rounding of a product with 1e6, as a floating point number holds no nanoseconds since 1970.
    const at = BigInt(now) * 1_000_000n - BigInt(Math.trunc(parseDuration(text)))
    return `${at / 1_000_000_000n}.${String(at % 1_000_000_000n).padStart(9, '0')}`
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d(?::\d\d)?)?)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text)
  if (!match) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`)
  const [, day, clock = '00', fraction = '', zone = ''] = match
  const full = `${day}T${clock}${':00'.repeat(2 - (clock.match(/:/g)?.length ?? 0))}${zone}`
  const seconds = new Date(full).getTime() / 1000
  if (Number.isNaN(seconds)) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`)
  return `${seconds}.${fraction.slice(1).padEnd(9, '0')}`
}
