/** How much a container's files take. */

import { NotFound, Unavailable } from '../kernel/errors.ts'
import type { RootMount } from '../snapshots/types.ts'
import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'
import type { ContainerSizes } from './types.ts'

export async function sizesOf({ rooms, saved }: Context, { id }: LiveContainer): Promise<ContainerSizes> {
  let root: RootMount
  try {
    root = await rooms.snapshots.root(id)
  } catch (error) {
    // Damaged: one such container must not keep all others from being listed.
    if (error instanceof NotFound || error instanceof Unavailable) return { writable: 0, rootfs: 0 }
    throw error
  }
  const usage = await rooms.snapshots.usage(root, name => saved.all().some(({ frozen }) => frozen.includes(name)))
  return { writable: usage.writable, rootfs: usage.total }
}
