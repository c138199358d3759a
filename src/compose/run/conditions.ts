/** Waiting for what `depends_on` and `up --wait` ask of a container. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../client/engine.ts'
import type { Condition } from '../plan/plan.ts'

const POLL_MS = 100

export interface State {
  readonly Status: string
  readonly Running: boolean
  readonly ExitCode: number
  readonly Health?: { readonly Status: string } | null
}

/** A container will never be as it should. */
export class ConditionError extends Error {}

export const stateOf = async (engine: Engine, id: string): Promise<State> =>
  (await engine.get<{ State: State }>(`/containers/${id}/json`)).State

/** `healthy` without a health check means: running. @throws ConditionError */
export async function awaitCondition(
  engine: Engine,
  name: string,
  condition: Condition | 'running_or_healthy',
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    if (holds(name, await stateOf(engine, encodeURIComponent(name)), condition)) return
    await sleep(POLL_MS, undefined, { signal })
  }
}

function holds(name: string, state: State, condition: Condition | 'running_or_healthy'): boolean {
  const ended = !state.Running && state.Status !== 'created' && state.Status !== 'restarting'
  if (condition === 'service_completed_successfully') {
    if (ended && state.ExitCode !== 0)
      throw new ConditionError(`service ${JSON.stringify(name)} didn't complete successfully: exit ${state.ExitCode}`)
    return ended
  }
  if (ended) throw new ConditionError(`container ${name} exited (${state.ExitCode})`)
  if (condition === 'service_started') return state.Running
  const health = state.Health?.Status
  if (health === undefined || health === 'none') {
    if (condition === 'running_or_healthy') return state.Running
    throw new ConditionError(`container ${name} has no healthcheck configured`)
  }
  if (health === 'unhealthy') throw new ConditionError(`container ${name} is unhealthy`)
  return health === 'healthy' && state.Running
}
