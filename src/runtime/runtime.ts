/**
 * What the runtime offers: a container's first process and further processes of it. From a specification to a process that
 * runs in namespaces of its own, under a shim that outlives the daemon.
 */

import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chooseCapabilities } from './capabilities.ts'
import { type Compiled, compileContainer } from './compile/container.ts'
import type { HostFacts } from './compile/context.ts'
import { compileExec } from './compile/exec.ts'
import { cleanPath } from './compile/masks.ts'
import { hostDevices } from './devices.ts'
import { gatherFacts } from './host-facts.ts'
import { CONTAINERS, EXECS } from './kinds.ts'
import { compileSeccomp } from './seccomp/compile.ts'
import { DEFAULT_PROFILE } from './seccomp/default-profile.ts'
import { StepFailure } from './shim/failure.ts'
import { launchShim } from './shim/shim.ts'
import type { ShimHandle, ShimLaunch } from './shim/types.ts'
import type { ContainerSpec, ExecSpec, ProcessSpec } from './spec.ts'
import { startFailed, type Trace } from './start-failed.ts'
import { Templates } from './template.ts'

export { StartFailed, type Trace } from './start-failed.ts'

/** What becomes of a process's streams, and where its shim lives: the part of a launch that its specification does not say. */
export type ProcessIo = Pick<ShimLaunch, 'runDir' | 'stdin' | 'log' | 'forward' | 'attach'>

export interface StartedProcess {
  handle: ShimHandle
  trace: Trace
}

/** Does beforehand what the first start would have to wait for: the default filter takes tens of milliseconds to compile. */
export function warmUp(): void {
  compileSeccomp(DEFAULT_PROFILE, 'default', chooseCapabilities({ add: [], drop: [], privileged: false }))
}

/** The program that startContainer would run, for `skiff explain`. @throws InvalidParameter */
export async function planContainer(spec: ContainerSpec, stdin: ProcessIo['stdin']): Promise<Compiled> {
  return compileContainer(spec, { stdin }, await factsForContainer(spec, { trusting: false }))
}

/** @param trusting the daemon's own files are there, as the specification has them: each look costs as much as many a step */
async function factsForContainer(spec: ContainerSpec, { trusting }: { trusting: boolean }): Promise<HostFacts> {
  const binds = spec.mounts.filter(mount => mount.kind === 'bind')
  const opened = binds.filter(({ tree }) => tree === undefined)
  const known = new Map(opened.flatMap(({ source, sourceKind: kind }) => (trusting && kind ? [[source, kind]] : [])))
  const forProc = binds.filter(({ target }) => target === '/proc').map(({ source }) => source)
  const sources = opened.map(({ source }) => source).filter(source => !known.has(source))
  const paths = [...sources, ...[...spec.maskedPaths, ...spec.readonlyPaths].map(cleanPath)]
  if (spec.initPath !== null) paths.push(spec.initPath)
  const devices = spec.hostDevices ? await hostDevices() : []
  return await gatherFacts({ paths, known, forProc, cwd: cwdInVolume(spec), hostDevices: devices })
}

/** Where the working folder lies on the host if it is in a bind mount; null: it is in the container's own root. */
function cwdInVolume({ mounts, process: { cwd } }: ContainerSpec): string | null {
  const mount = mounts.findLast(({ target }) => cwd === target || cwd.startsWith(`${target}/`))
  return mount?.kind === 'bind' ? join(mount.source, cwd.slice(mount.target.length)) : null
}

/** The program that execInContainer would run. @throws InvalidParameter */
export async function planExec(spec: ExecSpec, stdin: ProcessIo['stdin']): Promise<Compiled> {
  return compileExec(spec, { stdin }, await factsForExec(spec))
}

function factsForExec({ pidfd, process }: ExecSpec): Promise<HostFacts> {
  const cwd = process.uid === 0 ? null : `/proc/${pidBehind(pidfd)}/root${process.cwd}`
  return gatherFacts({ paths: [], known: new Map(), forProc: [], cwd, hostDevices: [] })
}

/** See pidfd_open(2): the descriptor's own entry in /proc tells. -1: the process has ended, as the program will find out. */
const pidBehind = (pidfd: number): string =>
  /^Pid:\s*(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8'))?.[1] ?? '-1'

const containers = new Templates(CONTAINERS)
const execs = new Templates(EXECS)

/** Resolves when the container's command has replaced the program. @throws StartFailed, InvalidParameter */
export async function startContainer(spec: ContainerSpec, io: ProcessIo): Promise<StartedProcess> {
  const compiled = await orAbandon(io, async () =>
    containers.compile(spec, { stdin: io.stdin }, await factsForContainer(spec, { trusting: true })),
  )
  return launch(spec.id, compiled, spec, io)
}

/** A further process in a container that runs. @throws StartFailed, InvalidParameter */
export async function execInContainer(spec: ExecSpec, io: ProcessIo): Promise<StartedProcess> {
  const compiled = await orAbandon(io, async () => execs.compile(spec, { stdin: io.stdin }, await factsForExec(spec)))
  return launch(spec.containerId, compiled, spec, io)
}

/** Clients that wait for a process are told when there will be none. */
async function orAbandon<T>(io: ProcessIo, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    for (const client of io.attach) client.abandon()
    throw error
  }
}

type Launched = Pick<ContainerSpec, 'cgroup'> & { process: ProcessSpec }

async function launch(
  id: string,
  compiled: Compiled,
  { cgroup, process }: Launched,
  io: ProcessIo,
): Promise<StartedProcess> {
  const { before, program, cloneFlags, passedFds } = compiled
  const intoFd = cgroup.intoPath === null ? null : openSync(cgroup.intoPath, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const handle = await launchShim({
      ...io,
      id,
      program,
      cloneFlags,
      passedFds,
      terminal: process.terminal,
      ...(before && { before }),
      ...(intoFd !== null && { cgroupIntoFd: intoFd }),
    })
    return { handle, trace: { cloneFlags, before, program, reports: handle.reports } }
  } catch (error) {
    if (error instanceof StepFailure) throw startFailed(error, process, { cloneFlags, before, program })
    throw error
  } finally {
    if (intoFd !== null) closeSync(intoFd)
  }
}
