/**
 * Volumes in snapshots: copies, both ways. An overlay on a frozen folder would cost less, but a volume is a folder of the host that others
 * mount and look into, and would no longer be there for them. Where the file system can, copies share their blocks with the originals.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import type { ContainerMount } from '../store/record.ts'
import type { SnapshotRecord, SnapshotVolume } from './types.ts'

export const volumesOf = ({ config }: LiveContainer): ContainerMount[] =>
  config.mounts.filter(({ type }) => type === 'volume')

/** Copies each volume of a container into the folder of a snapshot that is being made. @throws Conflict */
export async function copyVolumes(
  context: Context,
  container: LiveContainer,
  staging: string,
): Promise<SnapshotVolume[]> {
  const { volumes, snapshots } = context.rooms
  const mounts = volumesOf(container)
  const folders = new Map<string, string>()
  for (const { name } of mounts) await refuseShared(context, container, name)
  if (mounts.length > 0) await mkdir(join(staging, 'volumes'), { mode: 0o700 })
  for (const { name } of mounts) {
    if (folders.has(name)) continue
    const folder = String(folders.size)
    folders.set(name, folder)
    const { mountpoint } = await volumes.inspect(name)
    await snapshots.copyFolder(mountpoint, join(staging, 'volumes', folder))
  }
  return mounts.map(({ name, destination }) => ({ name, destination, folder: folders.get(name)! }))
}

/** What a container has mounted where the snapshot has a volume. @throws Conflict if that is none, or one that others use */
export async function volumesToReset(
  context: Context,
  container: LiveContainer,
  { name, volumes }: SnapshotRecord,
): Promise<Map<string, SnapshotVolume>> {
  const found = new Map<string, SnapshotVolume>()
  for (const volume of volumes) {
    const mount = volumesOf(container).find(({ destination }) => destination === volume.destination)
    if (mount === undefined) {
      throw new Conflict(
        `snapshot ${name} has a volume for ${volume.destination}, and container ${container.config.name} has none there`,
      )
    }
    await refuseShared(context, container, mount.name)
    found.set(mount.name, volume)
  }
  return found
}

/** Each volume is the old one or the new one, whatever happens in between. */
export async function fillFromSnapshot(
  { rooms, saved }: Context,
  { name }: SnapshotRecord,
  volumes: ReadonlyMap<string, SnapshotVolume>,
): Promise<void> {
  for (const [target, { folder }] of volumes) {
    const from = saved.volumeFolder(name, folder)
    await rooms.volumes.replace(target, to => rooms.snapshots.copyFolder(from, to))
  }
}

/** @throws Conflict for one that is no plain folder, and one that changes while it is copied, or is in use where it shall be replaced */
export async function refuseShared(context: Context, container: LiveContainer, name: string): Promise<void> {
  const { options } = await context.rooms.volumes.inspect(name)
  if (Object.keys(options).length > 0) {
    throw new Conflict(`volume ${name} has driver options: what they mount is not skiff's to snapshot or reset`)
  }
  for (const other of context.containers.values()) {
    if (other === container || !other.state.running) continue
    if (other.config.mounts.some(mount => mount.type === 'volume' && mount.name === name))
      throw new Conflict(`volume ${name} is in use by container ${other.config.name}, which runs: stop it first`)
  }
}
