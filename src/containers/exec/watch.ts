/** The end of an exec. */

import { removeTreeNow } from '../../kernel/small-tree.ts'
import type { ShimHandle } from '../../runtime/shim/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer, LiveExec } from '../live.ts'
import { execFolder } from './start.ts'

/** Nobody saw how it ended: its shim was killed. */
const LOST = 137

export function watchExec(context: Context, container: LiveContainer, exec: LiveExec, handle: ShimHandle): void {
  handle.exited.then(
    ({ exitCode }) => ended(context, container, exec, exitCode),
    () => ended(context, container, exec, LOST),
  )
}

export function ended(context: Context, container: LiveContainer, exec: LiveExec, exitCode: number): void {
  Object.assign(exec, {
    running: false,
    exitCode,
    handle: null,
    endedAtMs: performance.now(),
  } satisfies Partial<LiveExec>)
  context.emit(container, 'exec_die', { execID: exec.id, exitCode: String(exitCode) })
  // After whoever waits for it has been told.
  setImmediate(() => removeTreeNow(execFolder(container, exec.id)))
}
