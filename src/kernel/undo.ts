/** Clean-up for what is made in several steps: when one fails, the earlier ones are undone, last in, first out. */

export interface Undo {
  /** What takes the step back that was just made. */
  defer(action: () => unknown): void
}

/**
 * Runs `body`; if it throws, runs what it deferred and throws the same error again. What fails while undoing is attached to that
 * error as `whileUndoing`, never put in its place.
 */
export async function undoOnFailure<T>(body: (undo: Undo) => Promise<T>): Promise<T> {
  const actions: (() => unknown)[] = []
  try {
    return await body({ defer: action => actions.push(action) })
  } catch (error) {
    const failures: unknown[] = []
    for (const action of actions.reverse()) {
      try {
        await action()
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0 && error instanceof Error) Object.assign(error, { whileUndoing: failures })
    throw error
  }
}

/** Runs `body` and takes every step back, whatever came of it: for what is only made to be looked at. */
export async function undoAfterwards<T>(body: (undo: Undo) => Promise<T>): Promise<T> {
  const actions: (() => unknown)[] = []
  try {
    return await body({ defer: action => actions.push(action) })
  } finally {
    for (const action of actions.reverse()) await action()
  }
}
