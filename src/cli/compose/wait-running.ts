/** `--wait`: until containers run, or are healthy where that can be told. */

import type { Engine } from '../../client/engine.ts'
import { awaitCondition } from '../../compose/run/conditions.ts'
import { reported, type Surroundings } from '../../compose/run/report.ts'
import { CommandError } from '../errors.ts'

/** `timeoutS` 0: without end. @throws CommandError */
export async function awaitRunning(
  engine: Engine,
  names: readonly string[],
  timeoutS: number,
  around: Surroundings,
): Promise<void> {
  const end = new AbortController()
  const timer = timeoutS > 0 ? setTimeout(() => end.abort(), timeoutS * 1000) : undefined
  try {
    await Promise.all(
      names.map(name =>
        reported(around, `Container ${name}`, 'Waiting', 'Healthy', () =>
          awaitCondition(engine, name, 'running_or_healthy', end.signal),
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
