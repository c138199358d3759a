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

/**
 * Answers the container's exit code, or 0 when the user detached. `worded` makes what is thrown of why it could not be started.
 * @throws that, with the terminal restored
 */
export async function startAttached(
  session: Session,
  engine: Engine,
  id: string,
  how: StartAttached,
  worded: (error: Error) => Error = error => error,
): Promise<number> {
  const start = async <T>(started: Promise<T>): Promise<T> => {
    try {
      return await started
    } catch (error) {
      throw worded(error as Error)
    }
  }
  const undo: (() => void)[] = how.signals ? [forwardSignals(session, engine, id)] : []
  try {
    if (engine.hasSkiffsOwn && !how.stdin && !how.tty) {
      const query = { stdout: how.stdout, stderr: how.stderr, condition: condition(how) }
      const connection = await start(engine.listen(`/containers/${id}/start/output`, { query }))
      const ending = await converse(session, connection, { ...how, framed: true })
      if (typeof ending === 'number') return ending
      throw new Error('the daemon did not tell how the container ended')
    }
    // Attached before the start, and waiting before it too: a process that ends at once must not be missed.
    const [connection, { outcome }] = await Promise.all([
      openAttachment(engine, id, how),
      beginWait(engine, id, condition(how)),
    ])
    const talking = converse(session, connection, how)
    talking.catch(() => undefined)
    try {
      await start(engine.post(`/containers/${id}/start`))
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

const condition = ({ autoRemove }: StartAttached) => (autoRemove ? 'removed' : 'next-exit')
