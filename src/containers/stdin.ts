/** What becomes of a container's standard input. */

import type { ProcessIo } from '../runtime/runtime.ts'
import type { ConfigRecord } from './store/record.ts'

export const stdinOf = ({ config: { openStdin, stdinOnce } }: Pick<ConfigRecord, 'config'>): ProcessIo['stdin'] =>
  openStdin ? (stdinOnce ? 'once' : 'open') : 'null'
