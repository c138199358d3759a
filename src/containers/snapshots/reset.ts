/**
 * skiff reset: a container back at a snapshot. What it has written goes away, and it begins anew on what is frozen: a folder that is moved,
 * and an empty one in its place. Volumes that the snapshot has are filled with its copies.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../../kernel/atomic-file.ts'
import { Conflict } from '../../kernel/errors.ts'
import { isObject } from '../../kernel/salvage.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import type { Ending, SnapshotRecord, SnapshotVolume } from './types.ts'
import { fillFromSnapshot, volumesToReset } from './volumes.ts'
import { whileStopped } from './while-stopped.ts'

/** Answers the snapshot's name. @throws NotFound, Conflict */
export async function resetContainer(
  context: Context,
  container: LiveContainer,
  name: string,
  ending: Ending,
): Promise<string> {
  const record = choose(context, container, name)
  return context.saved.holding(record.name, async () => {
    // Before it is stopped for nothing.
    refuseOther(container, record)
    await volumesToReset(context, container, record)
    await whileStopped(context, container, ending, () => swap(context, container, record))
    context.emit(container, 'reset', { snapshot: record.name })
    return record.name
  })
}

function choose({ rooms, saved }: Context, { id, config }: LiveContainer, name: string): SnapshotRecord {
  if (name !== '') return saved.get(name)
  const own = saved.withTop(rooms.snapshots.frozenOf(id)[0])
  if (own !== undefined) return own
  const taken = saved.all().filter(({ containerId }) => containerId === id)
  const known = taken.length === 0 ? '' : ` (${taken.map(snapshot => snapshot.name).join(', ')})`
  throw new Conflict(`container ${config.name} stands on no snapshot: name the one to go back to${known}`)
}

/** @throws Conflict */
function refuseOther({ config, root }: LiveContainer, record: SnapshotRecord): void {
  if ((config.topLayer ?? '') !== record.top)
    throw new Conflict(`snapshot ${record.name} is of another image than container ${config.name}: ${record.image}`)
  const driver = root?.kind === 'plain' ? 'vfs' : 'overlay2'
  if (driver !== record.driver)
    throw new Conflict(
      `snapshot ${record.name} was made by storage driver ${record.driver}, the container by ${driver}`,
    )
}

/** From inside the container's queue. */
async function swap(context: Context, container: LiveContainer, record: SnapshotRecord): Promise<void> {
  const { snapshots } = context.rooms
  const volumes = await volumesToReset(context, container, record)
  const isOneStep = volumes.size === 0 && snapshots.frozenOf(container.id).join() === record.frozen.join()
  if (isOneStep) await drop(context, container, record, volumes)
  else {
    // A daemon that is killed half-way leaves neither the old state nor the new one: the next one goes on.
    const path = intentOf(container)
    await writeAtomically(path, `${JSON.stringify({ snapshot: record.name })}\n`, { durable: false })
    await drop(context, container, record, volumes)
    await rm(path, { force: true })
  }
}

async function drop(
  context: Context,
  container: LiveContainer,
  record: SnapshotRecord,
  volumes: ReadonlyMap<string, SnapshotVolume>,
): Promise<void> {
  await fillFromSnapshot(context, record, volumes)
  container.root = await context.rooms.snapshots.reset(container.id, record.frozen)
  // What it was started with is no longer what it would be started with.
  container.lastStart = null
}

const intentOf = ({ paths }: LiveContainer): string => join(paths.folder, 'reset.json')

const isIntent = (value: unknown): value is { snapshot: string } =>
  isObject(value) && typeof value.snapshot === 'string'

/** For a daemon that starts: a reset that the last one has begun. */
export async function finishReset(context: Context, container: LiveContainer): Promise<void> {
  const { salvage, log } = context.rooms
  const path = intentOf(container)
  const intent = await salvage.read(path, isIntent, 'a reset was cut off: reset the container again', {
    unsynced: true,
  })
  if (intent === undefined) return
  try {
    const record = context.saved.get(intent.snapshot)
    await drop(context, container, record, await volumesToReset(context, container, record))
  } catch (error) {
    log.error({ container: container.id, err: error }, 'a reset that was cut off could not be finished')
  }
  await rm(path, { force: true })
}
