/**
 * What a daemon does first: it compares what the disk says with what runs. Containers have gone on without a daemon, have ended,
 * or were being made or removed when the last one was killed; afterwards memory, disk and machine agree, and nothing half-made
 * is left.
 */

import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries } from '../kernel/atomic-file.ts'
import { NEVER, timestampNow } from '../kernel/clock.ts'
import { Conflict } from '../kernel/errors.ts'
import { spreadSubfolders } from '../kernel/inode-flags.ts'
import type { Context } from './context.ts'
import { adoptExecs } from './exec/adopt.ts'
import { watchHealth } from './health/watch.ts'
import { restartSoon } from './lifecycle/policy.ts'
import { finishRemoval, removeEnded } from './lifecycle/remove.ts'
import { placement } from './lifecycle/start.ts'
import { compressLog, type End, endOf, lostEnd, recordEnd, watchProcess } from './lifecycle/watch.ts'
import type { LiveContainer } from './live.ts'
import { restoreNetwork } from './network/restore.ts'
import { finishReset } from './snapshots/reset.ts'
import { containersFolder, runFolder } from './store/files.ts'
import { endLost, loadContainer, putStrayRootsAside } from './store/load.ts'
import type { ContainerId } from './types.ts'

/** Resolves when every container is in memory and its state is right; restarts by policy follow by themselves. */
export async function reconcile(context: Context): Promise<void> {
  await makeFolders(context)
  const names = await readdir(containersFolder(context.roots))
  const loaded = await Promise.all(names.map(name => loadContainer(context, name as ContainerId)))
  const containers = loaded.filter(container => container !== null)
  for (const container of containers) register(context, container)
  for (const container of containers) await finishReset(context, container)
  // Not before it is known which volumes others use.
  await finishRemovals(context)
  await putStrayRootsAside(context, names)
  await Promise.all(containers.map(container => adoptOne(context, container)))
  // What was rotated while there was no daemon.
  for (const container of containers) compressLog(context, container)
  await removeOrphans(context)
}

async function makeFolders({ roots, rootMountPoint }: Context): Promise<void> {
  await mkdir(containersFolder(roots), { recursive: true, mode: 0o710 })
  spreadSubfolders(containersFolder(roots))
  await mkdir(runFolder(roots), { recursive: true, mode: 0o710 })
  await mkdir(rootMountPoint, { recursive: true, mode: 0o700 })
}

/** Of containers in the trash not everything may be gone yet. */
async function finishRemovals(context: Context): Promise<void> {
  for (const grave of await context.trash.open()) await finishRemoval(context, grave)
  await removeTemporaries(containersFolder(context.roots))
}

function register(context: Context, container: LiveContainer): void {
  context.containers.set(container.id, container)
  try {
    context.names.reserve(container.config.name, container.id)
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    // Two of the same name: possible only if somebody edited the files. Both can be reached by id.
    context.rooms.log.error({ container: container.id, err: error }, 'a name is taken twice')
  }
}

async function adoptOne(context: Context, container: LiveContainer): Promise<void> {
  const { runtime, log } = context.rooms
  try {
    await context.turns.next()
    const found = await runtime.adoptShim(container.paths.run)
    switch (found.kind) {
      case 'running':
        return await adoptRunning(context, container, found.handle)
      case 'exited':
        if (found.started !== null) container.state.startedAt = found.started.startedAt
        return await end(context, container, endOf(found.exit))
      case 'lost':
        log.error({ container: container.id }, 'the shim of a container has gone without a word')
        container.state.startedAt = found.started.startedAt
        return await end(context, container, lostEnd())
      case 'absent':
        return await settle(context, container)
    }
  } catch (error) {
    log.error({ container: container.id, err: error }, 'a container could not be taken over')
  }
}

async function adoptRunning(
  context: Context,
  container: LiveContainer,
  handle: NonNullable<LiveContainer['process']>['handle'],
): Promise<void> {
  const { state, config, id } = container
  const cgroup = context.rooms.cgroups.open(id, placement(context, container))
  const process = { handle, cgroup, pidfd: null, oomWatch: null, startedAtMs: null }
  const paused = cgroup.isFrozen()
  container.process = process
  Object.assign(state, {
    status: paused ? 'paused' : 'running',
    running: true,
    paused,
    restarting: false,
    pid: handle.started.pid,
    startedAt: handle.started.startedAt,
  } satisfies Partial<LiveContainer['state']>)
  await context.turns.next()
  for (const { type, name } of config.mounts) if (type === 'volume') await context.rooms.volumes.acquire(name, id)
  await restoreNetwork(context, container)
  try {
    await context.save(container)
  } catch (error) {
    // What runs is found by its shim, whatever the disk says.
    context.rooms.log.error({ container: id, err: error }, 'the state of a running container is not on disk')
  }
  await adoptExecs(context, container)
  watchProcess(context, container, process)
  if (!paused) watchHealth(context, container, { resume: true })
}

/** It ended, or the machine did, while there was no daemon. */
async function end(context: Context, container: LiveContainer, how: End): Promise<void> {
  const { state } = container
  const cgroup = context.rooms.cgroups.open(container.id, placement(context, container))
  const known = !state.running && state.finishedAt === how.finishedAt
  if (known) {
    // It was recorded; the daemon was killed before it could clean up.
    await cgroup.remove()
    await rm(container.paths.run, { recursive: true, force: true })
    await settle(context, container)
    return
  }
  // The next start of its policy follows from this.
  await container.queue.run(() =>
    recordEnd(context, container, { cgroup, pidfd: null, oomWatch: null, startedAtMs: null }, how),
  )
}

/** Docker says this of containers that ran when the machine went down. */
const MACHINE_WENT_DOWN = 255

/** There is no process: whatever the state says, it does not run. */
async function settle(context: Context, container: LiveContainer): Promise<void> {
  const { state, config, paths } = container
  await rm(paths.run, { recursive: true, force: true })
  await removeOwnGroup(context, container)
  if (state.running && !state.restarting) {
    state.exitCode = MACHINE_WENT_DOWN
    state.finishedAt = timestampNow()
  }
  if (state.running || state.status === 'removing') {
    Object.assign(state, { status: 'exited', running: false, paused: false, restarting: false, pid: 0 })
    await context.save(container)
  }
  if (state.startedAt === NEVER) return
  if (config.hostConfig.autoRemove) void removeEnded(context, container)
  else if (comesBack(container)) restartSoon(context, container)
}

/** Groups below another parent than the daemon's are not among those that removeOrphans goes through. */
async function removeOwnGroup(context: Context, container: LiveContainer): Promise<void> {
  if (container.config.hostConfig.cgroupParent === '') return
  const cgroup = context.rooms.cgroups.open(container.id, placement(context, container))
  await cgroup.kill()
  await cgroup.remove()
}

/** `always` comes back with the daemon even if its user had stopped it; that is what tells it from `unless-stopped`. */
function comesBack({ config, state }: LiveContainer): boolean {
  const { name, maximumRetryCount } = config.hostConfig.restartPolicy
  switch (name) {
    case 'always':
      return true
    case 'unless-stopped':
      return !state.stoppedByUser
    case 'on-failure':
      return (
        state.exitCode !== 0 &&
        !state.stoppedByUser &&
        (maximumRetryCount === 0 || state.restartCount < maximumRetryCount)
      )
    default:
      return false
  }
}

/** Run folders and cgroups without a process: of starts, ends and removals that were cut off. */
async function removeOrphans(context: Context): Promise<void> {
  const { cgroups, log } = context.rooms
  const all = [...context.containers.values()]
  const running = new Set<string>(all.filter(({ state }) => state.running).map(({ id }) => id))
  // Below a parent that was named to us there may be another daemon's groups, empty ones of starts that have just begun, too.
  const isOurs = (name: string) => context.defaults.ownsCgroupParent || context.containers.has(name as ContainerId)
  const { populated } = await cgroups.removeStale(running, isOurs)
  for (const name of populated) {
    log.warn({ cgroup: name }, 'ending processes of a container that does not run')
    const cgroup = cgroups.open(name)
    await cgroup.kill()
    await cgroup.remove()
  }
  for (const name of await readdir(runFolder(context.roots))) {
    if (context.containers.has(name as ContainerId)) continue
    await endLost(context, name as ContainerId)
    await rm(join(runFolder(context.roots), name), { recursive: true, force: true })
  }
}
