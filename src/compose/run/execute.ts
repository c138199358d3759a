/** Performs a plan: every operation as soon as those that it comes after are done, and none after the first failure. */

import type { Operation, Plan } from '../plan/plan.ts'

export interface Outcome {
  readonly done: readonly Operation[]
  readonly failure: Error | undefined
}

/** Resolves when nothing is running any more. */
export async function execute(
  plan: Plan,
  perform: (operation: Operation) => Promise<void>,
  signal?: AbortSignal,
): Promise<Outcome> {
  const done: Operation[] = []
  let failure: Error | undefined
  const running = new Map<number, Promise<boolean>>()
  const run = async (operation: Operation): Promise<boolean> => {
    const before = await Promise.all(operation.after.map(id => running.get(id)))
    if (before.includes(false) || failure || signal?.aborted) return false
    try {
      await perform(operation)
      done.push(operation)
      return true
    } catch (error) {
      failure ??= error as Error
      return false
    }
  }
  // Operations name only earlier ones, so that these are all in the map.
  for (const operation of plan) running.set(operation.id, run(operation))
  await Promise.all(running.values())
  return { done, failure }
}
