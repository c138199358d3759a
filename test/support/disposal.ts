/**
 * What a test started is ended after it, whether it passed or not: what was started in a test at that test's end, what was
 * started before (beforeAll, module level) at the end of the file. A clean-up that fails fails the test.
 * setup.ts calls disposeAll from the hooks of every test file.
 */

type Dispose = () => Promise<void>

const pending = { test: new Set<Dispose>(), file: new Set<Dispose>() }
let scope: keyof typeof pending = 'file'

export const enterTest = (): void => {
  scope = 'test'
}

/** Registers a clean-up; the answer is the same clean-up for callers who end it themselves. It runs once. */
export function disposeLater(dispose: Dispose): Dispose {
  const list = pending[scope]
  let done: Promise<void> | undefined
  const once = () => {
    list.delete(once)
    done ??= dispose()
    return done
  }
  list.add(once)
  return once
}

/** Runs what is registered, last in first out, all of it even when one fails; then throws what went wrong. */
export async function disposeAll(which: keyof typeof pending): Promise<void> {
  if (which === 'test') scope = 'file'
  const failures: unknown[] = []
  for (const dispose of [...pending[which]].reverse()) {
    try {
      await dispose()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'))
}
