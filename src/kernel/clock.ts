/** The wall clock with more digits than Date has, and RFC 3339 both ways. */

import { performance } from 'node:perf_hooks'

let offsetMs = Date.now() - performance.now()
let last = 0n

/**
 * Nanoseconds since the epoch; microseconds are real. Never twice the same: who sorts by it keeps the order of events.
 * It follows a clock that is set (Date.now), and takes the digits below a millisecond from the monotonic one.
 */
export function nowNs(): bigint {
  const measuredMs = performance.now() + offsetMs
  const wallMs = Date.now()
  if (Math.abs(measuredMs - wallMs) > 5) offsetMs += wallMs - measuredMs
  const now = BigInt(Math.round((performance.now() + offsetMs) * 1000)) * 1000n
  // A clock that was set back starts again from there; a clash of two calls is moved on by one.
  last = now > last || last - now > 10_000_000n ? now : last + 1n
  return last
}

/** '2026-11-21T09:31:53.146635399Z': always nine digits, so that it sorts as text. */
export function formatNs(ns: bigint): string {
  const seconds = Number(ns / 1_000_000_000n)
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0')
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}

/** As formatNs, of now. */
export const timestampNow = (): string => formatNs(nowNs())

/** Nanoseconds since the epoch of an RFC 3339 text, with every digit that it has; null if it is none. */
export function parseNs(text: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return null
  const ms = Date.parse(`${match[1]}${match[3]}`)
  if (Number.isNaN(ms)) return null
  return BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'))
}

/** Go's zero time, which Docker shows for what never happened. */
export const NEVER = '0001-01-01T00:00:00Z'
