/** The size of a container's terminal, in characters. */

import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'

/** @throws Conflict if it does not run */
export function resizeContainer(context: Context, container: LiveContainer, rows: number, columns: number): void {
  if (container.process === null) throw new Conflict(`Container ${container.id} is not running`)
  container.process.handle.resize(rows, columns)
  context.emit(container, 'resize', { height: String(rows), width: String(columns) })
}
