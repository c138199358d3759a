/** How much a container's files take. */

import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'
import type { ContainerSizes } from './types.ts'

export async function sizesOf({ rooms }: Context, { id }: LiveContainer): Promise<ContainerSizes> {
  const usage = await rooms.snapshots.usage(await rooms.snapshots.root(id))
  return { writable: usage.writable, rootfs: usage.total }
}
