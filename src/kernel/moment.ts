/** Moments as Docker's filters write them (`until`, `since`). */

import { InvalidParameter } from './errors.ts'

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 }
const DURATION = /([\d.]+)(h|ms|us|µs|ns|m|s)/g

/**
 * A date (RFC 3339), a Unix time in seconds, or how long ago, as Go writes durations: '24h', '1h30m'.
 * In milliseconds since the epoch. @throws InvalidParameter
 */
export function momentMs(text: string, nowMs = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (/^([\d.]+(h|ms|us|µs|ns|m|s))+$/.test(text)) {
    const parts = [...text.matchAll(DURATION)]
    return nowMs - parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit as string]!, 0)
  }
  const parsed = Date.parse(text)
  if (Number.isNaN(parsed))
    throw new InvalidParameter(`failed to parse "${text}" as a moment: neither a date nor a duration`)
  return parsed
}
