/** A container's root as the daemon holds it, after what it stands on has changed. */

import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'

export async function freshRoot({ rooms }: Context, container: LiveContainer): Promise<void> {
  container.root = await rooms.snapshots.root(container.id)
  // What it was started with is no longer what it would be started with.
  container.lastStart = null
}
