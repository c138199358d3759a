/** Starting a container with this session's streams connected to it, for run and start. */

import type { Engine } from '../../client/engine.ts'
import type { Session } from '../session.ts'
import { type Conversation, converse } from '../terminal/converse.ts'
import { forwardSignals } from '../terminal/signals.ts'
import { followWindowSize } from '../terminal/window.ts'
import { beginWait, openAttachment } from './attach.ts'

export interface StartAttached extends Conversation {
  /** Pass the session's signals on. */
  readonly signals: boolean
  /** The daemon removes it when it ends. */
  readonly autoRemove: boolean
}

/** Answers the container's exit code, or 0 when the user detached. @throws what `start` throws, with the terminal restored */
export async function startAttached(
  session: Session,
  engine: Engine,
  id: string,
  how: StartAttached,
  start: () => Promise<void>,
): Promise<number> {
  const undo: (() => void)[] = how.signals ? [forwardSignals(session, engine, id)] : []
  try {
    // Attached before the start, and waiting before it too: a process that ends at once must not be missed.
    const [connection, { outcome }] = await Promise.all([
      openAttachment(engine, id, how),
      beginWait(engine, id, how.autoRemove ? 'removed' : 'next-exit'),
    ])
    const talking = converse(session, connection, how)
    talking.catch(() => undefined)
    try {
      await start()
    } catch (error) {
      connection.input?.destroy()
      await talking.catch(() => undefined)
      if (how.autoRemove) await outcome.catch(() => undefined)
      throw error
    }
    if (how.tty && session.isTerminal.stdout) undo.push(followWindowSize(session, engine, `/containers/${id}`))
    return (await talking) === 'detached' ? 0 : await outcome
  } finally {
    for (const act of undo) act()
  }
}
