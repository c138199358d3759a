/** A process's output in an ordinary answer, which ends after it with words of our own. */

import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ClientGone } from './connection.ts'

/**
 * Resolves when all of it is on its way; the answer is not ended. The client's going away destroys `process`. Node's `pipeline`
 * does the same, with errors and signals that take as long as to start a process takes the kernel.
 */
export function copyOutput(process: Duplex, response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      if (process.readableEnded) return
      response.destroy()
      reject(new ClientGone('the output was cut off'))
    }
    process.once('end', resolve).once('error', reject).once('close', onClose)
    // What printed nothing may have ended before anybody looked at it.
    if (process.readableEnded) resolve()
    else if (process.closed) onClose()
    if (response.destroyed) process.destroy()
    response.once('close', () => process.destroy())
    process.pipe(response, { end: false })
  })
}
