/** What streams are called, and how long jobs tell of their progress. */

import type { Progress } from '../../images/types.ts'
import { encodeFailure, encodeProgress } from '../codec/progress.ts'
import type { Call } from './call.ts'
import { messageOf } from './errors.ts'

/** What a process writes: as it is where there is a terminal, else in frames. Since 1.42 clients are told which. */
export const streamType = (call: Call, tty: boolean): string =>
  tty || !call.since('1.42') ? 'application/vnd.docker.raw-stream' : MULTIPLEXED

export const MULTIPLEXED = 'application/vnd.docker.multiplexed-stream'

/**
 * A long job whose steps are told one JSON object per line. What goes wrong before the first step has a status of its own;
 * later it is the last line of the stream.
 */
export async function withProgress(call: Call, job: (tell: (step: Progress) => void) => Promise<void>): Promise<void> {
  const { response } = call
  const line = (value: unknown) => {
    if (response.destroyed) return
    if (!response.headersSent) call.begin('application/json')
    response.write(`${JSON.stringify(value)}\r\n`)
  }
  try {
    await job(step => line(encodeProgress(step)))
    if (!response.headersSent) call.begin('application/json')
  } catch (error) {
    if (!response.headersSent) throw error
    call.log.debug({ err: error }, 'a job failed half-way')
    line(encodeFailure(messageOf(error)))
  }
  response.end()
}
