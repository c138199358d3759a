/**
 * Every mount that a container asks for, from five sources, later ones over earlier ones: --volumes-from, -v, --mount, --tmpfs, and
 * the image's VOLUME where nothing else is mounted. Named volumes are made here, with the container.
 */

import { InvalidParameter, NotFound } from '../../kernel/errors.ts'
import type { Undo } from '../../kernel/undo.ts'
import type { VolumeRequest } from '../../volumes/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { parseTmpfs } from '../spec/tmpfs.ts'
import type { ContainerMount } from '../store/record.ts'
import type { ContainerConfig, ContainerId, HostConfig } from '../types.ts'
import { cleanPath, PLAIN_MOUNT, parseBind, parseMode } from './bind-spec.ts'
import { mountOf } from './mount-request.ts'

/** Sorted by destination: a mount below another comes after it. @throws InvalidParameter, NotFound */
export async function collectMounts(
  context: Context,
  id: ContainerId,
  config: ContainerConfig,
  host: HostConfig,
  undo: Undo,
): Promise<ContainerMount[]> {
  const byTarget = new Map<string, ContainerMount>()
  for (const mount of host.volumesFrom.flatMap(spec => volumesFrom(context, spec)))
    byTarget.set(mount.destination, mount)
  for (const mount of await requested(host)) byTarget.set(mount.destination, mount)
  for (const path of config.volumes) {
    const destination = cleanPath(path)
    if (byTarget.has(destination)) continue
    byTarget.set(destination, { ...PLAIN_MOUNT, type: 'volume', destination, copyUp: true })
  }
  const labels = Object.fromEntries(host.mounts.map(mount => [cleanPath(mount.target), mount.volume]))
  const mounts: ContainerMount[] = []
  for (const mount of byTarget.values()) {
    const options = labels[mount.destination]
    const request = { options: options?.driver?.options ?? {}, labels: options?.labels ?? {}, madeFor: id }
    mounts.push(mount.type === 'volume' ? await withVolume(context, mount, request, undo) : mount)
  }
  return mounts.sort((a, b) => (a.destination < b.destination ? -1 : 1))
}

async function requested(host: HostConfig): Promise<ContainerMount[]> {
  const mounts = [
    ...host.binds.map(spec => parseBind(spec, host.volumeDriver)),
    ...(await Promise.all(host.mounts.map(mountOf))),
    ...Object.entries(host.tmpfs).map(([target, options]) => tmpfs(target, options)),
  ]
  const seen = new Set<string>()
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw new InvalidParameter(`Duplicate mount point: ${destination}`)
    seen.add(destination)
  }
  return mounts
}

const tmpfs = (target: string, options: string): ContainerMount => ({
  ...PLAIN_MOUNT,
  type: 'tmpfs',
  destination: cleanPath(target),
  tmpfsOptions: parseTmpfs(target, options),
  unlisted: true,
})

function volumesFrom(context: Context, spec: string): ContainerMount[] {
  if (spec === '') throw new InvalidParameter('volumes-from specification cannot be an empty string')
  const [ref = '', ...mode] = spec.split(':')
  const { rw } = parseMode(mode.join(':'))
  return mountsOf(context, ref).map(mount => ({ ...mount, rw: mount.rw && rw, copyUp: false }))
}

function mountsOf(context: Context, ref: string): ContainerMount[] {
  let other: LiveContainer
  try {
    other = context.find(ref)
  } catch (error) {
    // The container that was not found is not the one that this request is about: not a 404.
    if (error instanceof NotFound) throw new InvalidParameter(error.message)
    throw error
  }
  return other.config.mounts.filter(({ type }) => type !== 'tmpfs')
}

async function withVolume(
  context: Context,
  mount: ContainerMount,
  request: Pick<VolumeRequest, 'options' | 'labels' | 'madeFor'>,
  undo: Undo,
): Promise<ContainerMount> {
  const { volumes } = context.rooms
  // Taken over from another container: it exists.
  if (mount.source !== '') return mount
  const anonymous = mount.name === ''
  const isNew = anonymous || !(await exists(volumes, mount.name))
  const volume = await volumes.create({ name: mount.name, driver: mount.driver, ...request })
  if (isNew) undo.defer(() => volumes.remove(volume.name, { force: true }))
  return { ...mount, name: volume.name, source: volume.mountpoint, driver: volume.driver, anonymous }
}

async function exists(volumes: Context['rooms']['volumes'], name: string): Promise<boolean> {
  try {
    await volumes.inspect(name)
    return true
  } catch (error) {
    if (error instanceof NotFound) return false
    throw error
  }
}
