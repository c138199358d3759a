/** `--wait`: until containers run, or are healthy where that can be told. */

import type { Engine } from '../../client/engine.ts'
import type { Project } from '../../compose/project.ts'
import { awaitCondition } from '../../compose/run/conditions.ts'
import { reported, type Surroundings } from '../../compose/run/report.ts'
import { CommandError } from '../errors.ts'

export interface Awaited {
  readonly name: string
  /** Others wait for its end: it shall not run for ever. */
  readonly completes: boolean
}

/** Whether a dependent waits until this service has completed. */
export const completes = (project: Project | undefined, service: string): boolean =>
  Object.values(project?.services ?? {}).some(
    ({ depends_on }) => depends_on?.[service]?.condition === 'service_completed_successfully',
  )

/** `timeoutS` 0: without end. @throws CommandError */
export async function awaitRunning(
  engine: Engine,
  containers: readonly Awaited[],
  timeoutS: number,
  around: Surroundings,
): Promise<void> {
  const end = new AbortController()
  const timer = timeoutS > 0 ? setTimeout(() => end.abort(), timeoutS * 1000) : undefined
  try {
    await Promise.all(
      containers.map(({ name, completes }) =>
        reported(around, `Container ${name}`, 'Waiting', completes ? 'Exited' : 'Healthy', () =>
          awaitCondition(engine, name, completes ? 'service_completed_successfully' : 'running_or_healthy', end.signal),
        ),
      ),
    )
  } catch (error) {
    if (end.signal.aborted) throw new CommandError(`application not healthy after ${timeoutS}s`)
    throw error
  } finally {
    clearTimeout(timer)
    end.abort()
  }
}
