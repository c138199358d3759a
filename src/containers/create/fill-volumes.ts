/**
 * An empty volume begins with what the image has at the place where it is mounted, owner and mode included. As Docker does it: also
 * one that has become empty again.
 */

import { constants } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { hasCode } from '../../kernel/errors.ts'
import { AT_FDCWD, chmod, chown, close, openat2, RESOLVE_IN_ROOT } from '../../kernel/files.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import type { SnapshotRecord, SnapshotVolume } from '../snapshots/types.ts'
import { fillFromSnapshot, refuseShared, volumesOf } from '../snapshots/volumes.ts'
import type { ContainerMount } from '../store/record.ts'

export async function fillVolumes(
  context: Context,
  container: LiveContainer,
  snapshot: SnapshotRecord | null,
): Promise<void> {
  const { volumes } = context.rooms
  if (snapshot !== null) await fillEmpty(context, container, snapshot)
  for (const mount of container.config.mounts) {
    if (mount.type !== 'volume' || !mount.copyUp || mount.subpath !== '') continue
    const folder = await volumes.acquire(mount.name, container.id)
    try {
      if ((await readdir(folder)).length === 0) await copyFromImage(context, container, mount, folder)
    } finally {
      await volumes.release(mount.name, container.id)
    }
  }
}

/** From a snapshot that has volumes: those that were made just now, and others that are empty. */
async function fillEmpty(context: Context, container: LiveContainer, snapshot: SnapshotRecord): Promise<void> {
  const empty = new Map<string, SnapshotVolume>()
  for (const volume of snapshot.volumes) {
    const mount = volumesOf(container).find(({ destination }) => destination === volume.destination)
    // Something else is mounted there.
    if (mount === undefined || (await readdir(mount.source)).length > 0) continue
    await refuseShared(context, container, mount.name)
    empty.set(mount.name, volume)
  }
  await fillFromSnapshot(context, snapshot, empty)
}

async function copyFromImage(
  { rooms }: Context,
  { root }: LiveContainer,
  { destination }: ContainerMount,
  folder: string,
): Promise<void> {
  if (root === null) return
  const merged = rooms.snapshots.openMerged(root)
  try {
    const source = openFolder(merged, destination)
    if (source === null) return
    try {
      const target = openat2(AT_FDCWD, folder, constants.O_RDONLY | constants.O_DIRECTORY, 0)
      try {
        await rooms.archives.unpack(target, '/', rooms.archives.pack(source, '/', '.'))
        const { uid, gid, mode } = await stat(`/proc/self/fd/${source}`)
        chown(target, uid, gid)
        // After the owner, whose change clears set-user-ID bits.
        chmod(target, mode & 0o7777)
      } finally {
        close(target)
      }
    } finally {
      close(source)
    }
  } finally {
    close(merged)
  }
}

/** null where the image has no folder: nothing to begin with. */
function openFolder(root: number, path: string): number | null {
  try {
    return openat2(root, path, constants.O_RDONLY | constants.O_DIRECTORY, RESOLVE_IN_ROOT)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
