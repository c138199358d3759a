/**
 * skiff snapshot create. Of a container that does not run its upper folder is frozen: a few renames, whatever is in it. Of one that is
 * paused, or shall be for the moment, it is copied, since overlay takes no change of its layers from below. One that runs is refused
 * otherwise: files in the middle of being written are what a power cut leaves, and whoever wants that shall say so.
 */

import { timestampNow } from '../../kernel/clock.ts'
import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { FrozenName } from '../../snapshots/frozen.ts'
import { whileFrozen } from '../commit.ts'
import type { Context } from '../context.ts'
import { freshRoot } from '../fresh-root.ts'
import type { LiveContainer } from '../live.ts'
import type { SnapshotRecord, SnapshotRequest } from './types.ts'
import { copyVolumes, volumesOf } from './volumes.ts'
import { refuseGone, whileStopped } from './while-stopped.ts'

export function createSnapshot(
  context: Context,
  container: LiveContainer,
  request: SnapshotRequest,
): Promise<{ record: SnapshotRecord; warnings: string[] }> {
  if (request.stop && request.pause) throw new InvalidParameter('conflicting options: stop and pause')
  return context.saved.making(request.name, async staging => {
    const { state } = container
    const take = () => takeSnapshot(context, container, request, staging)
    const record = request.stop ? await whileStopped(context, container, request, take) : await inQueue()
    context.emit(container, 'snapshot', { snapshot: record.name })
    return { record, warnings: request.volumes ? [] : volumesOf(container).map(withoutVolume) }

    function inQueue(): Promise<SnapshotRecord> {
      return container.queue.run(() => {
        refuseGone(container)
        if (!state.running) return take()
        if (state.paused || (request.pause && container.process !== null))
          return whileFrozen(context, container, true, take)
        throw new Conflict(
          `container ${container.config.name} runs: stop it first, or have it stopped and started again (--stop), ` +
            'or its files copied while it is paused (--pause)',
        )
      })
    }
  })
}

const withoutVolume = ({ name, destination }: { name: string; destination: string }): string =>
  `the volume ${name} at ${destination} is not in the snapshot: --volumes takes volumes, too`

/** From inside the container's queue. What takes long, and may find the disk full, comes before what is done by renames. */
async function takeSnapshot(
  context: Context,
  container: LiveContainer,
  { name, volumes }: SnapshotRequest,
  staging: string,
): Promise<SnapshotRecord> {
  const { snapshots } = context.rooms
  const { id } = container
  const copied = volumes ? await copyVolumes(context, container, staging) : []
  if (copied.length > 0) await snapshots.sync(staging)
  const isCopy = container.process !== null
  const before = snapshots.frozenOf(id)
  const frozen = isCopy ? await snapshots.copyFrozen(id) : await snapshots.freeze(id)
  try {
    // What was copied is written by us: it must not get lost in a power cut when others may rely on it.
    if (isCopy || snapshots.driver === 'vfs') await snapshots.sync(staging)
    const record = describe(container, name, frozen, copied)
    await context.saved.add(record, staging)
    return record
  } catch (error) {
    if (!isCopy) await snapshots.unfreeze(id, before)
    throw error
  } finally {
    if (isCopy) snapshots.frozen.made(frozen[0]!)
    snapshots.frozen.sweep()
    if (!isCopy) await freshRoot(context, container)
  }
}

const describe = (
  { id, config, root }: LiveContainer,
  name: string,
  frozen: readonly FrozenName[],
  volumes: SnapshotRecord['volumes'],
): SnapshotRecord => ({
  name,
  created: timestampNow(),
  containerId: id,
  containerName: config.name,
  imageId: config.imageId,
  image: config.config.image,
  driver: root?.kind === 'plain' ? 'vfs' : 'overlay2',
  top: config.topLayer ?? '',
  frozen: [...frozen],
  config: config.config,
  volumes,
})
