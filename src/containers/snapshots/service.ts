/** The snapshot service, as src/api sees it. */

import { Conflict } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { createSnapshot } from './create.ts'
import { resetContainer } from './reset.ts'
import type { Snapshot, SnapshotRecord, SnapshotService, SnapshotUser } from './types.ts'

export const createSnapshotService = (context: Context): SnapshotService => ({
  async create(ref, request) {
    const { record, warnings } = await createSnapshot(context, context.find(ref), request)
    return { snapshot: await view(context, record), warnings }
  },
  list: () =>
    Promise.all(
      context.saved
        .all()
        .sort((a, b) => (a.created > b.created ? -1 : 1))
        .map(record => view(context, record)),
    ),
  inspect: async name => view(context, context.saved.get(name)),
  remove: (name, options) => removeSnapshot(context, name, options),
  reset: async (ref, name, ending) => resetContainer(context, context.find(ref), name, ending),
})

async function view(context: Context, record: SnapshotRecord): Promise<Snapshot> {
  const { snapshots } = context.rooms
  const [own, below] = record.frozen
  const folders = new Set(record.volumes.map(({ folder }) => context.saved.volumeFolder(record.name, folder)))
  const sizes = [own ? snapshots.frozen.sizeOf(own) : 0, ...[...folders].map(folder => snapshots.sizeOf(folder))]
  return {
    ...record,
    parent: context.saved.withTop(below)?.name ?? null,
    size: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0),
    usedBy: usersOf(context, record),
    folders: record.frozen.map(name => snapshots.frozen.path(name)),
  }
}

function usersOf({ containers, rooms, saved }: Context, { name, frozen: [own] }: SnapshotRecord): SnapshotUser[] {
  const standing = [...containers.values()].filter(({ id }) => rooms.snapshots.frozenOf(id).includes(own!))
  const stacked = saved.all().filter(other => other.name !== name && other.frozen.includes(own!))
  return [
    ...standing.map(({ config }): SnapshotUser => ({ kind: 'container', name: config.name })),
    ...stacked.map((other): SnapshotUser => ({ kind: 'snapshot', name: other.name })),
  ]
}

async function removeSnapshot(context: Context, name: string, { force }: { force: boolean }): Promise<void> {
  const { saved, rooms } = context
  const record = saved.get(name)
  if (saved.isHeld(name)) throw new Conflict(`snapshot ${name} is being used at this moment`)
  const users = usersOf(context, record)
  if (users.length > 0 && !force) {
    const named = users.map(user => `${user.kind} ${user.name}`).join(', ')
    throw new Conflict(`conflict: unable to remove snapshot ${name} (must force) - it is in use by ${named}`)
  }
  await saved.remove(name)
  rooms.snapshots.frozen.sweep()
  await rooms.snapshots.sweep()
}
