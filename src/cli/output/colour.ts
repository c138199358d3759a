/** Whether what goes to stdout is coloured: on a terminal, unless the user has said no. https://no-color.org */

import type { Session } from '../session.ts'

/** `ansi`: of those commands that have the flag, where always also holds for pipes and files. */
export const wantsColour = ({ env, isTerminal }: Session, ansi = 'auto'): boolean =>
  !env.NO_COLOR && ansi !== 'never' && (isTerminal.stdout || ansi === 'always')
