/** From the results of probes to starting, healthy and unhealthy: pure rules, as the Dockerfile reference's HEALTHCHECK has them. */

import type { HealthState } from '../types.ts'

/** Docker keeps the last five results, and 4 KiB of what each printed. */
export const KEPT_RESULTS = 5
export const KEPT_OUTPUT_BYTES = 4096

export type ProbeResult = HealthState['log'][number]

export interface HealthRules {
  retries: number
  /** Failures in this time after the start do not count, unless a probe has succeeded already. */
  startPeriodMs: number
}

export const STARTING: HealthState = { status: 'starting', failingStreak: 0, log: [] }

export function judge(
  before: HealthState,
  result: ProbeResult,
  { retries, startPeriodMs }: HealthRules,
  sinceStartMs: number,
): HealthState {
  const log = [...before.log, result].slice(-KEPT_RESULTS)
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log }
  if (before.status === 'starting' && sinceStartMs < startPeriodMs) return { ...before, log }
  const failingStreak = before.failingStreak + 1
  return { status: failingStreak >= retries ? 'unhealthy' : before.status, failingStreak, log }
}
