/** Passes on to the container what the session gets of signals. */

import type { Engine } from '../../client/engine.ts'
import type { Session } from '../session.ts'

/** Answers how to stop. */
export const forwardSignals = (session: Session, engine: Engine, container: string): (() => void) =>
  session.onSignal(name => {
    // The container may have ended in this moment; its end is reported where it is awaited.
    void engine.post(`/containers/${container}/kill`, { signal: name.replace(/^SIG/, '') }).catch(() => undefined)
  })
