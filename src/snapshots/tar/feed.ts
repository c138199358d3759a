/** Chunks into a stream, one after the other. */

import type { Writable } from 'node:stream'

/**
 * Writes each chunk when the one before has been taken: they may lie in the same memory. A stream that closes ends the source.
 * @throws what the source or the stream fails with
 */
export async function feed(source: AsyncIterable<Uint8Array>, stream: Writable): Promise<void> {
  for await (const chunk of source) await offer(chunk, stream)
  stream.end()
}

function offer(chunk: Uint8Array, stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    // A transform whose reader has gone never calls back.
    const closed = () => reject(new Error('the stream has been closed'))
    stream.once('close', closed)
    stream.write(chunk, error => {
      stream.off('close', closed)
      if (error) reject(error)
      else resolve()
    })
  })
}
