/** What a client waits for. Engine API reference, "ContainerWait". */

import type { WaitCondition } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { Call } from '../http/call.ts'

const CONDITIONS = ['not-running', 'next-exit', 'removed'] as const

/** @throws InvalidParameter */
export function waitCondition(call: Call): WaitCondition {
  const asked = call.query.text('condition') || 'not-running'
  const condition = CONDITIONS.find(known => known === asked)
  if (!condition) throw new InvalidParameter(`invalid condition: ${JSON.stringify(asked)}`)
  return condition
}
