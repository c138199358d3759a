/** docker rm. The container's folder goes to the trash first: from then on it is gone, whenever the daemon may be killed. */

import { Conflict, NotFound } from '../../kernel/errors.ts'
import { removeTreeNow } from '../../kernel/small-tree.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { readConfig } from '../store/files.ts'
import type { ConfigRecord } from '../store/record.ts'
import { killAndWait } from './kill.ts'
import { cancelRestart } from './start.ts'

export interface RemoveOptions {
  force: boolean
  /** Anonymous volumes go with it. */
  volumes: boolean
}

/** @throws Conflict if it runs (and `force` is not set), or is being removed already */
export async function removeContainer(
  context: Context,
  container: LiveContainer,
  options: RemoveOptions,
): Promise<void> {
  const { id, state } = container
  if (container.removing) throw new Conflict(`removal of container ${id} is already in progress`)
  if (!options.force) refuseRunning(container)
  container.removing = true
  try {
    cancelRestart(container)
    // A start that is on its way, by a user or the policy, comes to its end first: what it starts must not outlive its container.
    await container.queue.run(async () => {})
    if (!options.force) refuseRunning(container)
    if (state.running) await endForGood(context, container)
    await container.queue.run(() => dispose(context, container, options))
  } catch (error) {
    container.removing = false
    container.endings.removalFailed({ statusCode: state.exitCode, error: String(error) })
    throw error
  }
}

function refuseRunning({ id, state }: LiveContainer): void {
  const advice = 'before attempting removal or force remove'
  if (state.paused) {
    throw new Conflict(`You cannot remove a paused container ${id}. Unpause and then stop the container ${advice}`)
  }
  if (state.restarting) {
    throw new Conflict(`You cannot remove a restarting container ${id}. Stop the container ${advice}`)
  }
  if (state.running) throw new Conflict(`You cannot remove a running container ${id}. Stop the container ${advice}`)
}

async function endForGood(context: Context, container: LiveContainer): Promise<void> {
  container.stopRequested = true
  if (container.process !== null) await killAndWait(context, container)
  // It was waiting for a restart, which will not come.
  Object.assign(container.state, { running: false, restarting: false, status: 'exited' })
}

/** --rm: the container has ended and takes its anonymous volumes with it. */
export async function removeEnded(context: Context, container: LiveContainer): Promise<void> {
  try {
    await removeContainer(context, container, { force: true, volumes: true })
  } catch (error) {
    // Somebody else removes it at this moment: fine.
    if (error instanceof Conflict) return
    context.rooms.log.error({ container: container.id, err: error }, 'a container could not be removed')
  }
}

async function dispose(context: Context, container: LiveContainer, { volumes }: RemoveOptions): Promise<void> {
  const { id, paths, config, state } = container
  // The name says what is left to be done, should the daemon be killed meanwhile.
  const grave = volumes ? `${id}${WITH_VOLUMES}` : id
  context.trash.take(paths.folder, grave)
  removeTreeNow(paths.run)
  await context.rooms.snapshots.remove(id)
  context.containers.delete(id)
  for (const execId of container.execs.keys()) context.execs.delete(execId)
  for (const client of container.waiting) client.abandon()
  container.waiting.clear()
  if (volumes) await removeAnonymousVolumes(context, config)
  context.trash.discard(grave)
  context.names.release(config.name, id)
  context.emit(container, 'destroy')
  container.endings.removed({ statusCode: state.exitCode, error: null })
}

const WITH_VOLUMES = '-with-volumes'

/** Removals that a killed daemon has begun: the container is gone, but not yet all that belonged to it. */
export async function finishRemoval(context: Context, grave: string): Promise<void> {
  const id = grave.replace(WITH_VOLUMES, '')
  await context.rooms.snapshots.remove(id)
  if (grave.endsWith(WITH_VOLUMES)) {
    const config = await readConfig(context.trash.path(grave)).catch(() => null)
    if (config !== null) await removeAnonymousVolumes(context, config)
  }
  context.trash.discard(grave)
}

async function removeAnonymousVolumes({ rooms }: Context, config: ConfigRecord): Promise<void> {
  for (const mount of config.mounts) {
    if (!mount.anonymous) continue
    try {
      await rooms.volumes.remove(mount.name, { force: true })
    } catch (error) {
      // Another container has it by --volumes-from; or a user has removed it.
      if (!(error instanceof Conflict) && !(error instanceof NotFound)) throw error
    }
  }
}
