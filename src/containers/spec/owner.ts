/** The ids of a container's user, for files that are given to it. */

import { close } from '../../kernel/files.ts'
import { readUserDatabase, resolveUser } from '../../runtime/users.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'

/** @throws InvalidParameter `unable to find user x: no matching entries in passwd file` */
export async function ownerOf(
  { rooms }: Context,
  { id, config }: LiveContainer,
): Promise<{ uid: number; gid: number }> {
  const folder = rooms.snapshots.openMerged(await rooms.snapshots.root(id))
  try {
    const { uid, gid } = resolveUser(config.config.user, [], readUserDatabase(folder))
    return { uid, gid }
  } finally {
    close(folder)
  }
}
