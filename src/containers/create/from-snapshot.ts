/** docker create, beginning where a snapshot was taken: as if that had been committed to an image, without one. */

import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { SnapshotRecord } from '../snapshots/types.ts'
import type { ContainerConfig, CreateRequest } from '../types.ts'
import { imageConfig, mergeImageConfig } from './merge.ts'

/** @throws NotFound, Conflict */
export function findSnapshot({ saved, rooms }: Context, name: string): SnapshotRecord {
  const record = saved.get(name)
  const { driver } = rooms.snapshots
  if (record.driver !== driver)
    throw new Conflict(`snapshot ${name} was made by storage driver ${record.driver}, and this daemon uses ${driver}`)
  return record
}

/** The same request for the snapshot's image; one that names an image must mean that one. @throws InvalidParameter, NotFound */
export async function withImageOf(
  { rooms }: Context,
  request: CreateRequest,
  { name, image, imageId }: SnapshotRecord,
): Promise<CreateRequest> {
  const asked = request.config.image
  if (asked !== '' && (await rooms.images.resolve(asked)).id !== imageId)
    throw new InvalidParameter(`snapshot ${name} is of image ${image}, not of ${asked}`)
  // By its id: the name may stand for another image by now.
  return { ...request, config: { ...request.config, image: imageId } }
}

/** The settings of the container that it was taken of lie below the request's, as an image's do. Its volumes are volumes again. */
export function mergeSnapshot(own: ContainerConfig, { config, image, volumes }: SnapshotRecord): ContainerConfig {
  const merged = mergeImageConfig({ ...own, image }, imageConfig(config))
  const places = new Set([...merged.volumes, ...volumes.map(({ destination }) => destination)])
  return { ...merged, volumes: [...places] }
}
