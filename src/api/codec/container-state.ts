/** A container's state, and the sentence about it in `docker ps`. Engine API reference, "ContainerState". */

import type { ContainerState, HealthState } from '../../containers/types.ts'
import { humanDuration } from './duration.ts'

/** Docker's word for "never". */
export const NEVER = '0001-01-01T00:00:00Z'

const encodeHealth = ({ status, failingStreak, log }: HealthState) => ({
  Status: status,
  FailingStreak: failingStreak,
  Log: log.map(({ start, end, exitCode, output }) => ({ Start: start, End: end, ExitCode: exitCode, Output: output })),
})

export const encodeState = (state: ContainerState) => ({
  Status: state.status,
  Running: state.running,
  Paused: state.paused,
  Restarting: state.restarting,
  OOMKilled: state.oomKilled,
  Dead: state.dead,
  Pid: state.pid,
  ExitCode: state.exitCode,
  Error: state.error,
  StartedAt: state.startedAt || NEVER,
  FinishedAt: state.finishedAt || NEVER,
  ...(state.health && { Health: encodeHealth(state.health) }),
})

const isNever = (timestamp: string): boolean => timestamp === '' || timestamp === NEVER

/** 'Up 3 minutes (healthy)', 'Exited (1) 2 hours ago'. */
export function describeState(state: ContainerState, now = Date.now()): string {
  const since = (timestamp: string) => humanDuration((now - Date.parse(timestamp)) / 1000)
  switch (state.status) {
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`
    case 'running':
      return `Up ${since(state.startedAt)}${describeHealth(state.health)}`
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    case 'exited':
      return isNever(state.finishedAt) ? '' : `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`
  }
}

function describeHealth(health: HealthState | null): string {
  if (health === null || health.status === 'none') return ''
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`
}
