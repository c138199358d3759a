/**
 * docker start. What must be known before the process runs is found out in parallel; the process itself is one straight line of
 * system calls in the runtime; afterwards one state file is written. Whatever fails takes everything back.
 */

import { mkdirSync, rmSync } from 'node:fs'
import type { Cgroup, Resources } from '../../cgroups/types.ts'
import { NEVER } from '../../kernel/clock.ts'
import { Conflict, InvalidParameter, NotModified, Unavailable } from '../../kernel/errors.ts'
import { type Undo, undoOnFailure } from '../../kernel/undo.ts'
import { type ProcessIo, type StartedProcess, StartFailed } from '../../runtime/runtime.ts'
import type { ContainerSpec } from '../../runtime/spec.ts'
import type { Context } from '../context.ts'
import { stopHealth, watchHealth } from '../health/watch.ts'
import { INITIAL_BACKOFF_MS, type LiveContainer } from '../live.ts'
import { jsonFileAttributes } from '../logs/attributes.ts'
import { forwardOf } from '../logs/forward.ts'
import { logPlace } from '../logs/place.ts'
import { emitNetworkEvents } from '../network/events.ts'
import { type OpenedNetwork, openNetwork } from '../network/open.ts'
import { chooseDevices } from '../spec/devices.ts'
import { startSources } from '../spec/sources.ts'
import { buildSpec, resourcesOf } from '../spec/spec.ts'
import { stdinOf } from '../stdin.ts'
import { removeEnded } from './remove.ts'
import { watchProcess } from './watch.ts'

/** @throws NotModified if it runs, Conflict if it is paused or being removed */
export function startContainer(context: Context, container: LiveContainer): Promise<void> {
  return container.queue.run(async () => {
    refuse(container)
    cancelRestart(container)
    container.backoffMs = INITIAL_BACKOFF_MS
    container.state.restartCount = 0
    await launch(context, container)
  })
}

function refuse({ id, state, removing }: LiveContainer): void {
  if (state.paused) throw new Conflict('cannot start a paused container, try unpause instead')
  if (state.running && !state.restarting) throw new NotModified(`container ${id} is already running`)
  if (removing || state.dead) throw new Conflict('container is marked for removal and cannot be started')
}

export function cancelRestart(container: LiveContainer): void {
  if (container.restartTimer !== null) clearTimeout(container.restartTimer)
  container.restartTimer = null
}

/** Starts the process; for start, restart and the restart policy, from inside the container's queue. */
export async function launch(context: Context, container: LiveContainer): Promise<void> {
  if (context.stopping) throw new Unavailable('skiffd is shutting down')
  container.stopRequested = false
  // A client that comes from here on attaches to the process.
  const clients = [...container.waiting]
  container.waiting.clear()
  try {
    await undoOnFailure(undo => startProcess(context, container, clients, undo))
  } catch (error) {
    for (const client of clients) client.abandon()
    await recordFailure(context, container, error)
    if (container.config.hostConfig.autoRemove) void removeEnded(context, container)
    throw worded(error)
  }
  emitNetworkEvents(context, container, 'connect')
  context.emit(container, 'start')
}

async function startProcess(
  context: Context,
  container: LiveContainer,
  clients: ProcessIo['attach'],
  undo: Undo,
): Promise<void> {
  const devices = await chooseDevices(container.config.hostConfig)
  // While other threads and the kernel make its interfaces, there is time to make its cgroup.
  const [network, cgroup] = await both(
    openNetwork(context, container, undo),
    makeGroup(context, container, resourcesOf(container, devices), undo),
  )
  const io = await processIo(context, container, clients)
  mkdirSync(io.runDir, { recursive: true, mode: 0o700 })
  undo.defer(() => rmSync(io.runDir, { recursive: true, force: true }))
  const sources = startSources(context, container, undo)
  const parts = await buildSpec(context, container, { network, sources, devices })
  for (const warning of parts.warnings) context.rooms.log.warn({ container: container.id }, warning)
  const spec = parts.finish(cgroup)
  const started = await startSpec(context, container, spec, io)
  network.close()
  sources.close()
  adopt(context, container, started.handle, cgroup, network)
  undo.defer(() => started.handle.signal(9))
  await context.save(container)
}

/** Waits for both even if one fails: before anything is taken back, it must be known what there is. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second])
  return Promise.all([first, second])
}

async function makeGroup(
  context: Context,
  container: LiveContainer,
  resources: Resources,
  undo: Undo,
): Promise<Cgroup> {
  const cgroup = await context.rooms.cgroups.create(container.id, resources, placement(context, container))
  undo.defer(() => removeGroup(cgroup))
  return cgroup
}

/** Its process has failed to start: what there is in the group has no other purpose. */
async function removeGroup(cgroup: Cgroup): Promise<void> {
  await cgroup.kill()
  await cgroup.remove()
}

async function startSpec(
  { rooms, turns }: Context,
  container: LiveContainer,
  spec: ContainerSpec,
  io: ProcessIo,
): Promise<StartedProcess> {
  await turns.next()
  try {
    const started = await rooms.runtime.startContainer(spec, io)
    container.lastStart = { spec, reports: started.trace.reports }
    return started
  } catch (error) {
    if (error instanceof StartFailed) container.lastStart = { spec, reports: error.trace.reports }
    throw error
  }
}

function adopt(
  context: Context,
  container: LiveContainer,
  handle: StartedProcess['handle'],
  cgroup: Cgroup,
  network: OpenedNetwork,
): void {
  container.process = { handle, cgroup, pidfd: null, oomWatch: null, startedAtMs: performance.now() }
  Object.assign(container.state, {
    status: 'running',
    running: true,
    paused: false,
    restarting: false,
    oomKilled: false,
    dead: false,
    pid: handle.started.pid,
    exitCode: 0,
    error: '',
    startedAt: handle.started.startedAt,
    stoppedByUser: false,
    network: network.record,
  } satisfies Partial<LiveContainer['state']>)
  watchProcess(context, container, container.process)
  watchHealth(context, container, { resume: false })
}

/** `--cgroup-parent`, the container's or the daemon's. */
export function placement({ defaults }: Context, { config }: LiveContainer): { parent?: string } {
  const parent = config.hostConfig.cgroupParent || defaults.cgroupParent
  return parent === '' ? {} : { parent }
}

async function processIo(
  { defaults }: Context,
  container: LiveContainer,
  attach: ProcessIo['attach'],
): Promise<ProcessIo> {
  const { paths, config } = container
  return {
    runDir: paths.run,
    stdin: stdinOf(config),
    log: logOptions(container),
    forward: await forwardOf(config, defaults),
    attach,
  }
}

function logOptions({ config, paths }: LiveContainer): ProcessIo['log'] {
  const { logConfig } = config.hostConfig
  const place = logPlace(logConfig, paths)
  if (place === null) return null
  const { folder, name, maxBytes, maxFiles, compress } = place
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const attributes = logConfig.type === 'json-file' ? jsonFileAttributes(logConfig.config, config) : null
  return { folder, name, maxBytes, maxFiles, attributes, tellRotations: compress }
}

async function recordFailure(context: Context, container: LiveContainer, error: unknown): Promise<void> {
  const { state } = container
  stopHealth(container)
  container.process = null
  Object.assign(state, {
    status: state.startedAt === NEVER ? 'created' : 'exited',
    running: false,
    restarting: false,
    pid: 0,
    exitCode: error instanceof StartFailed ? error.exitCode : 128,
    error: error instanceof Error ? error.message : String(error),
  } satisfies Partial<LiveContainer['state']>)
  try {
    await context.save(container)
  } catch (failure) {
    // What the user must hear of is why the start failed.
    context.rooms.log.error({ container: container.id, err: failure }, 'a failed start was not recorded')
  }
}

/** A command that cannot be run is the request's fault: the command line turns it into exit status 126 or 127. */
function worded(error: unknown): unknown {
  if (!(error instanceof StartFailed) || error.exitCode === 128) return error
  return new InvalidParameter(error.message, { cause: error })
}
