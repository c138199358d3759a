/**
 * Runs one command of a build in a container that has no record: no list shows it and no event tells of it. What a daemon that is killed
 * leaves of it (a folder in DATA-ROOT/build/steps under the container's id, processes, a cgroup, a root) the next one removes.
 */

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Cgroup } from '../../cgroups/types.ts'
import type { Context } from '../../containers/context.ts'
import { withDefaults } from '../../containers/create/defaults.ts'
import { createLive, type LiveContainer } from '../../containers/live.ts'
import { openNetwork } from '../../containers/network/open.ts'
import { planNetwork } from '../../containers/network/plan.ts'
import { chooseDevices } from '../../containers/spec/devices.ts'
import { PLANNED_SOURCES } from '../../containers/spec/sources.ts'
import { buildSpec, resourcesOf } from '../../containers/spec/spec.ts'
import { type ContainerPaths, containerPaths, type Roots } from '../../containers/store/files.ts'
import { type ContainerMount, initialState } from '../../containers/store/record.ts'
import type { ContainerConfig, ContainerId, HostConfig } from '../../containers/types.ts'
import { timestampNow } from '../../kernel/clock.ts'
import { type Undo, undoAfterwards, undoOnFailure } from '../../kernel/undo.ts'
import type { ShimHandle } from '../../runtime/shim/types.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { Later } from '../later.ts'
import { missingTargets, removeStubs } from '../mounts/stubs.ts'

export interface StepProcess {
  id: ContainerId
  argv: string[]
  env: string[]
  cwd: string
  user: string
  root: RootMount
  /** What the root shows, by a name that changes with it. */
  rootKey: string
  config: ContainerConfig
  host: HostConfig
  networkMode: string
  mounts: ContainerMount[]
  onOutput(stream: 'stdout' | 'stderr', bytes: Buffer): void
}

/** Its name in the network, which does not change from build to build. */
const HOSTNAME = 'buildkitsandbox'

const stepsFolder = ({ dataRoot }: Pick<Roots, 'dataRoot'>): string => join(dataRoot, 'build', 'steps')

/** Resolves to the exit code when all its processes are gone; the rest is cleaned up `later`. @throws StartFailed */
export function runProcess(context: Context, step: StepProcess, signal: AbortSignal, later: Later): Promise<number> {
  return undoAfterwards(async undo => {
    const container = await assemble(context, step)
    const { handle, cgroup, output, stubs } = await undoOnFailure(failed => {
      failed.defer(() => rmSync(container.paths.folder, { recursive: true, force: true }))
      return start(context, container, step, failed)
    })
    undo.defer(() => later.add(release(context, container, cgroup)))
    const cancel = (): void => void cgroup.kill()
    signal.addEventListener('abort', cancel)
    if (signal.aborted) cancel()
    try {
      const { exitCode } = await handle.exited
      await output
      removeStubs(step.root, stubs)
      return exitCode
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  })
}

interface Started {
  handle: ShimHandle
  cgroup: Cgroup
  /** Resolves when all that it wrote was told. */
  output: Promise<void>
  /** What is there for its mounts' sake alone. */
  stubs: string[]
}

/** The same way as every start of a container (src/containers/lifecycle/start.ts), without its records. */
async function start(context: Context, container: LiveContainer, step: StepProcess, undo: Undo): Promise<Started> {
  const { cgroups, runtime } = context.rooms
  const network = await openNetwork(context, container, undo)
  container.state.network = network.record
  const devices = await chooseDevices(container.config.hostConfig)
  const parts = await buildSpec(context, container, { network, sources: PLANNED_SOURCES, devices })
  const cgroup = await cgroups.create(step.id, resourcesOf(container, devices), placement(context, step))
  undo.defer(() => removeGroup(cgroup))
  const { run } = container.paths
  mkdirSync(run, { recursive: true, mode: 0o700 })
  undo.defer(() => rmSync(run, { recursive: true, force: true }))
  const spec = parts.finish(cgroup)
  const client = runtime.prepareAttach(WATCHER)
  const output = readFrames(client.stream, step.onOutput)
  // If there is no start, nobody waits for what it wrote: the start's failure says it all.
  output.catch(() => {})
  // Of the mounts' targets alone: the furniture's are in the layer below all others.
  const stubs = step.mounts.length === 0 ? [] : missingTargets(context.rooms.snapshots, step.root, spec.mounts)
  const { handle } = await runtime.startContainer(spec, { runDir: run, stdin: 'null', log: null, attach: [client] })
  network.close()
  return { handle, cgroup, output, stubs }
}

const WATCHER = { stdin: false, stdout: true, stderr: true, framed: true, detachKeys: new Uint8Array() }

/** The folder goes last: it tells the next daemon what to look for, should this one be killed. */
async function release(context: Context, { id, paths, state }: LiveContainer, cgroup: Cgroup): Promise<void> {
  const inNetwork = state.network.sandboxId !== ''
  await Promise.all([removeGroup(cgroup), inNetwork ? context.rooms.networks?.releaseSandbox(id) : undefined])
  rmSync(paths.run, { recursive: true, force: true })
  rmSync(paths.folder, { recursive: true, force: true })
}

async function removeGroup(cgroup: Cgroup): Promise<void> {
  if (cgroup.processes().length > 0) await cgroup.kill()
  await cgroup.remove()
}

async function assemble(context: Context, step: StepProcess): Promise<LiveContainer> {
  const { id, argv } = step
  const [path = '', ...args] = argv
  const config = { ...step.config, env: step.env, user: step.user, workingDir: step.cwd, hostname: HOSTNAME }
  const host = withDefaults({ ...step.host, networkMode: step.networkMode }, context.defaults, context.rooms.cgroups)
  const parts = { id, name: `build-${id.slice(0, 12)}`, config, hostConfig: host, endpoints: {} }
  const network = await planNetwork(context, parts)
  const paths = stepPaths(context, id)
  mkdirSync(paths.folder, { mode: 0o710 })
  const record = {
    ...parts,
    endpoints: network.endpoints,
    created: timestampNow(),
    imageId: step.rootKey,
    platform: 'linux',
    path,
    args,
    mounts: [...step.mounts].sort((a, b) => (a.destination < b.destination ? -1 : 1)),
  }
  const container = createLive(record, { ...initialState(), network: network.initial }, paths)
  container.root = step.root
  return container
}

function stepPaths(context: Context, id: ContainerId): ContainerPaths {
  const folder = join(stepsFolder(context.roots), id)
  const files = {
    hostname: join(folder, 'hostname'),
    hosts: join(folder, 'hosts'),
    resolvConf: join(folder, 'resolv.conf'),
  }
  return { ...containerPaths(context.roots, id), ...files, folder }
}

function placement({ defaults }: Context, { host }: Pick<StepProcess, 'host'>): { parent?: string } {
  const parent = host.cgroupParent || defaults.cgroupParent
  return parent === '' ? {} : { parent }
}

const HEADER = 8
const STDERR = 2

/** Docker's frames: a stream's number, the length, the bytes. */
async function readFrames(stream: Duplex, tell: StepProcess['onOutput']): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER && rest.length >= HEADER + rest.readUInt32BE(4)) {
      const end = HEADER + rest.readUInt32BE(4)
      tell(rest[0] === STDERR ? 'stderr' : 'stdout', rest.subarray(HEADER, end))
      rest = rest.subarray(end)
    }
  }
}

/** What of the daemon is there when a new one looks for what builds of the last one have left. */
export type LeftStepsRooms = Pick<Context['rooms'], 'cgroups' | 'snapshots'> & {
  runtime: Pick<Context['rooms']['runtime'], 'adoptShim'>
}

/**
 * What builds of a daemon that was killed have left. Before anybody looks at containers, for what is found here is none, and before
 * layers are swept: those that a step stood on were not on the disk for certain yet, and nobody is to miss them.
 */
export async function removeLeftSteps({ cgroups, snapshots, runtime }: LeftStepsRooms, roots: Roots): Promise<void> {
  const folder = stepsFolder(roots)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const id of readdirSync(folder)) {
    const { run } = containerPaths(roots, id as ContainerId)
    const shim = await runtime.adoptShim(run)
    // A limit of the whole build below another parent is the one thing that is not known any more: such groups end by themselves.
    const cgroup = cgroups.open(id)
    await cgroup.kill()
    // It writes into its folder until then.
    if (shim.kind === 'running') await shim.handle.exited.catch(() => undefined)
    await cgroup.remove()
    await snapshots.remove(id)
    await rm(run, { recursive: true, force: true })
    await rm(join(folder, id), { recursive: true, force: true })
  }
}
