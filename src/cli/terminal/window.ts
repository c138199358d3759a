/** Keeps the size of a container's terminal equal to that of the session's. */

import type { Engine } from '../../client/engine.ts'
import type { Session } from '../session.ts'

const ATTEMPTS = 10
const RETRY_MS = 10

/**
 * Sets the size now and on every change. `path` is `/containers/ID` or `/exec/ID`. Answers how to stop.
 * `redraw`: set another size first; what runs there already draws its screen again only when the size has changed.
 * A process that is only just starting has no terminal yet: the first setting is tried a few times.
 */
export function followWindowSize(
  session: Session,
  engine: Engine,
  path: string,
  { redraw = false }: { redraw?: boolean } = {},
): () => void {
  const resize = async (extra = 0) => {
    const size = session.windowSize()
    if (size && size.rows > 0 && size.columns > 0)
      await engine.post(`${path}/resize`, { h: size.rows + extra, w: size.columns + extra })
  }
  const first = async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        if (redraw) await resize(1)
        return await resize()
      } catch {
        if (attempt === ATTEMPTS) return void session.stderr.write('failed to resize tty, using default size\n')
        await new Promise(resolve => setTimeout(resolve, attempt * RETRY_MS))
      }
    }
  }
  void first()
  // Later failures mean that the process is gone, which is reported where its end is awaited.
  return session.onResize(() => void resize().catch(() => undefined))
}
