/**
 * Memory of what streams through. V8 does not see how much a buffer holds: it lets some 64 MB of buffers that nobody needs any more
 * gather in each thread before it looks for them, because to it they are a few small objects. So each thread that passes bytes on
 * has its young objects collected after so many of them, which takes about a millisecond: node --expose-gc, in bin/skiffd.
 */

const BETWEEN_COLLECTIONS = 3 * 1024 * 1024

let passed = 0

/** These bytes came by, each chunk in memory of its own. */
export function notePassing(bytes: number): void {
  passed += bytes
  if (passed < BETWEEN_COLLECTIONS) return
  passed = 0
  globalThis.gc?.({ type: 'minor' })
}
