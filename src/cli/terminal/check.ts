/** Whether a terminal can be had where one is asked for. */

import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

/** @throws CommandError when a terminal's input would come from something else */
export function checkTerminal(session: Session, attachesStdin: boolean, tty: boolean): void {
  if (attachesStdin && tty && !session.isTerminal.stdin) throw new CommandError('the input device is not a TTY')
}
