/**
 * A client's stream whose end comes after its exec's exit code is known: clients ask for the code as soon as they have read
 * everything.
 */

import { Duplex } from 'node:stream'

/** Bytes pass as they are, both ways. `settled` is asked for when the stream has ended. */
export function holdEnd(inner: Duplex, settled: () => Promise<unknown>): Duplex {
  const outer = new Duplex({
    allowHalfOpen: true,
    read: () => void inner.resume(),
    write: (chunk, encoding, done) => void inner.write(chunk, encoding, done),
    final: done => void inner.end(done),
    destroy: (error, done) => {
      inner.destroy()
      done(error)
    },
  })
  let over = false
  const end = (): void => {
    if (over) return
    over = true
    void settled().finally(() => outer.push(null))
  }
  inner.on('data', chunk => {
    if (!outer.push(chunk)) inner.pause()
  })
  inner.once('end', end)
  inner.once('close', end)
  inner.on('error', error => outer.destroy(error))
  // What printed nothing may have ended before anybody looked at it.
  if (inner.readableEnded || inner.closed) end()
  return outer
}
