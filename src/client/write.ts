/** Writing with back-pressure. */

import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Resolves when the sink can take more, or is closed. */
export async function write(sink: Writable, data: string | Uint8Array): Promise<void> {
  if (sink.write(data) || sink.destroyed || sink.writableEnded) return
  const stop = new AbortController()
  const options = { signal: stop.signal }
  try {
    await Promise.race([once(sink, 'drain', options), once(sink, 'close', options)])
  } finally {
    stop.abort()
  }
}
