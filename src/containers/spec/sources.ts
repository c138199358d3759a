/** Where the content of mounts comes from: for a start, which makes and holds what it needs, and for a plan, which touches nothing. */

import { mkdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { close } from '../../kernel/files.ts'
import { mountAt, mountTable } from '../../kernel/mount-table.ts'
import type { Undo } from '../../kernel/undo.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import type { ContainerMount } from '../store/record.ts'
import { type OpenedTree, openSubpath } from './subpath.ts'

/** A path of the host that is to be mounted; with `tree` it is opened already. */
export type MountSource = Pick<OpenedTree, 'source'> & Partial<OpenedTree>

export interface MountSources {
  bind(mount: ContainerMount): Promise<MountSource>
  volume(mount: ContainerMount): Promise<MountSource>
}

export interface OpenedSources extends MountSources {
  /** Lets go of what was opened: the container has it. */
  close(): void
}

/** Missing folders are made where Docker makes them; volumes are held until the container ends. */
export function startSources(context: Context, { id }: LiveContainer, undo: Undo): OpenedSources {
  const trees: number[] = []
  const closeTrees = (): void => {
    for (const tree of trees.splice(0)) close(tree)
  }
  undo.defer(closeTrees)
  return {
    bind: async mount => ({ source: await bindSource(mount) }),
    async volume({ name, subpath, destination, driver, propagation, rw, recursive }) {
      const { volumes, emit } = context.rooms
      const folder = await volumes.acquire(name, id)
      undo.defer(() => volumes.release(name, id))
      const attributes = { container: id, destination, driver, propagation, 'read/write': String(rw) }
      emit({ type: 'volume', action: 'mount', actorId: name, attributes })
      if (subpath === '') return { source: folder }
      const opened = openSubpath(folder, subpath, { recursive })
      trees.push(opened.tree)
      return opened
    },
    close: closeTrees,
  }
}

export const PLANNED_SOURCES: MountSources = {
  bind: async ({ source }) => ({ source }),
  volume: async ({ source, subpath }) => ({ source: join(source, subpath) }),
}

async function bindSource({ source, createSource, propagation }: ContainerMount): Promise<string> {
  try {
    await stat(source)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    if (!createSource) {
      throw new InvalidParameter(`invalid mount config for type "bind": bind source path does not exist: ${source}`)
    }
    await mkdir(source, { recursive: true, mode: 0o755 })
  }
  if (/shared|slave/.test(propagation)) await checkPropagation(source, propagation)
  return source
}

/** A mount of the host that has no peers would silently have none in the container either. @throws InvalidParameter */
async function checkPropagation(source: string, propagation: string): Promise<void> {
  const mount = mountAt(await mountTable(), await realpath(source))
  if (mount === undefined || mount.shared || (mount.slave && propagation.endsWith('slave'))) return
  const kind = propagation.endsWith('slave') ? 'shared or slave' : 'shared'
  throw new InvalidParameter(`path ${source} is mounted on ${mount.mountPoint} but it is not a ${kind} mount`)
}

/** The container has ended: its volumes are no longer held by it. */
export async function releaseVolumes(context: Context, { id, config }: LiveContainer): Promise<void> {
  const { volumes, emit } = context.rooms
  const mounts = config.mounts.filter(({ type }) => type === 'volume')
  await Promise.all(mounts.map(({ name }) => volumes.release(name, id)))
  for (const { name, driver } of mounts)
    emit({ type: 'volume', action: 'unmount', actorId: name, attributes: { container: id, driver } })
}
