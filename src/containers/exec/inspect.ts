/** docker exec's state, and the size of its terminal. */

import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { Exec } from '../types.ts'
import { findExec } from './start.ts'

/** @throws NotFound, also when the container has ended: with it went its execs */
export function inspectExec(context: Context, id: string): Exec {
  const { handle: _handle, started: _started, endedAtMs: _ended, ...exec } = findExec(context, id)
  return exec
}

/** @throws NotFound, Conflict if it does not run */
export function resizeExec(context: Context, id: string, rows: number, columns: number): void {
  const { handle } = findExec(context, id)
  if (handle === null) throw new Conflict(`exec ${id} is not running`)
  handle.resize(rows, columns)
}
