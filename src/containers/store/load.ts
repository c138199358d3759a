/**
 * A container from what its folder says, at the start of a daemon: whole, cut off while it was made, or damaged by a power cut. What is
 * damaged keeps no other container from being there, and nothing is deleted that somebody was told exists.
 */

import { rm } from 'node:fs/promises'
import { removeTemporaries } from '../../kernel/atomic-file.ts'
import { DamagedRecord, isDamage } from '../../kernel/salvage.ts'
import type { Context } from '../context.ts'
import { createLive, type LiveContainer } from '../live.ts'
import type { ContainerId } from '../types.ts'
import { containerPaths, isUnfinished, readConfig, readState } from './files.ts'
import type { ConfigRecord } from './record.ts'

/** null for what is no container (any more). */
export async function loadContainer(context: Context, id: ContainerId): Promise<LiveContainer | null> {
  const { salvage } = context.rooms
  const paths = containerPaths(context.roots, id)
  let config: ConfigRecord | null
  try {
    config = await readConfig(paths.folder)
    if (config === null && (await isNobodys(context, id, paths.folder))) {
      await forget(context, id, paths.folder)
      return null
    }
    if (config === null) throw new DamagedRecord('config.json is missing')
    if (config.id !== id) throw new DamagedRecord(`config.json is that of another container, ${config.id}`)
  } catch (error) {
    if (!isDamage(error)) return leaveAlone(context, id, error)
    await setAside(context, id, paths.folder, error)
    return null
  }
  try {
    const state = await readState(paths.folder, (path, why) =>
      salvage.report(path, why, 'the container is taken for one that has not run'),
    )
    await removeTemporaries(paths.folder)
    const container = createLive(config, state, paths)
    await findRoot(context, container)
    return container
  } catch (error) {
    return leaveAlone(context, id, error)
  }
}

function leaveAlone({ rooms }: Context, id: ContainerId, error: unknown): null {
  rooms.log.error({ container: id, err: error }, 'a container cannot be read: it is left alone')
  return null
}

/** Its creation was cut off: nobody was told that it exists, and nothing was ever written to it. */
const isNobodys = async ({ rooms }: Context, id: ContainerId, folder: string): Promise<boolean> =>
  (await isUnfinished(folder)) && (await rooms.snapshots.isUntouched(id))

async function forget({ rooms }: Context, id: ContainerId, folder: string): Promise<void> {
  await rooms.snapshots.remove(id)
  await rooms.volumes.removeUnfinished(id)
  // Last: as long as the folder is there, the next daemon does this again.
  await rm(folder, { recursive: true, force: true })
}

async function setAside(context: Context, id: ContainerId, folder: string, why: unknown): Promise<void> {
  const { rooms } = context
  await endLost(context, id)
  await rooms.salvage.putAside(folder, why, `container ${id} is lost; its name is free, and what it wrote is kept`)
  await rooms.snapshots.putAside(id, 'the record of its container is damaged')
}

/** What nobody can name any more must not run on: its record is damaged or gone. */
export async function endLost({ rooms, roots }: Context, id: ContainerId): Promise<void> {
  const found = await rooms.runtime.adoptShim(containerPaths(roots, id).run)
  if (found.kind !== 'running') return
  rooms.log.warn({ container: id }, 'ending a container that has no record')
  found.handle.signal(SIGKILL)
  await found.handle.exited.catch(() => undefined)
  await rooms.cgroups.open(id).remove()
}

const SIGKILL = 9

/** Of a root that a power cut has taken the record from, the container's own says what it stands on. */
async function findRoot({ rooms }: Context, container: LiveContainer): Promise<void> {
  const { id, config } = container
  try {
    if (config.topLayer !== undefined) await rooms.snapshots.repair(id, config.topLayer)
    container.root = await rooms.snapshots.root(id)
  } catch (error) {
    // It is listed, can be inspected and removed, and says at a start what it lacks.
    rooms.salvage.report(`container ${id} (${config.name})`, error, 'it cannot be started')
  }
}

/** Of containers whose folder somebody has removed behind our back. `present`: the folders that are there. */
export async function putStrayRootsAside({ rooms }: Context, present: readonly string[]): Promise<void> {
  const known = new Set(present)
  for (const id of rooms.snapshots.owners()) {
    if (!known.has(id)) await rooms.snapshots.putAside(id, 'its container is not there any more')
  }
}
