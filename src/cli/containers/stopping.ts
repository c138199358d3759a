/** What stop and restart are told alike: how containers are asked to end, and for how long. */

import type { Context } from '../command.ts'
import { int, string } from '../parse/flag.ts'

export const STOP_FLAGS = {
  signal: string('Signal to send', { short: 's' }),
  timeout: int('Seconds to wait before killing', { short: 't', aliases: ['time'] }),
}

/** Without a timeout, the container's own counts. */
export const stopQuery = ({ options, given }: Context<typeof STOP_FLAGS>) => ({
  t: given.has('timeout') ? options.timeout : undefined,
  signal: options.signal || undefined,
})
