/** Answers with a stream that goes to the connection past this thread. Contract: Sendable in src/snapshots/types.ts. */

import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Sendable } from '../../snapshots/types.ts'
import { descriptorOf } from './connection.ts'

export const isSendable = (source: Readable): source is Sendable => 'sendTo' in source

/** After the header. Whether it was possible: where not, nothing has been sent. */
export async function sendPast(response: ServerResponse, source: Sendable, signal: AbortSignal): Promise<boolean> {
  const { socket } = response
  // HTTP 1.0 has no chunks: there the end of the connection is the end of the answer.
  if (!response.chunkedEncoding || socket === null) return false
  // What comes before it in the socket's queue, the header at least.
  await new Promise<void>(resolve => void socket.write('', () => resolve()))
  const descriptor = descriptorOf(socket)
  if (descriptor < 0) return false
  await source.sendTo(descriptor, signal)
  response.end()
  return true
}
