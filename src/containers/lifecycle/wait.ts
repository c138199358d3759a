/** docker wait */

import type { LiveContainer } from '../live.ts'
import type { WaitCondition, WaitResult } from '../types.ts'

/** The promise is made at once: the condition counts from the call. */
export function waitFor({ state, endings }: LiveContainer, condition: WaitCondition): Promise<WaitResult> {
  switch (condition) {
    case 'removed':
      return endings.removal
    case 'next-exit':
      return endings.nextEnd
    case 'not-running':
      return state.running ? endings.nextEnd : Promise.resolve({ statusCode: state.exitCode, error: null })
  }
}
