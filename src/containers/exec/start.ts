/** docker exec, second half: a further process in a running container's namespaces, cgroup and root. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Conflict, hasCode, InvalidParameter, NotFound } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2 } from '../../kernel/files.ts'
import { idMapOf } from '../../kernel/namespaces.ts'
import { StartFailed } from '../../runtime/runtime.ts'
import type { AttachOptions, PreparedAttach, ShimHandle } from '../../runtime/shim/types.ts'
import type { ExecSpec } from '../../runtime/spec.ts'
import { readUserDatabase } from '../../runtime/users.ts'
import type { Context } from '../context.ts'
import { parseDetachKeys } from '../detach-keys.ts'
import type { LiveContainer, LiveExec, LiveProcess } from '../live.ts'
import { linkEnvironment } from '../network/link-environment.ts'
import { pidfdOf } from '../pidfd.ts'
import { chooseLimits } from '../spec/limits.ts'
import { chooseProcess } from '../spec/process.ts'
import type { ContainerService, ExecId } from '../types.ts'
import { commandLine, refuseUnlessRunning } from './create.ts'
import { holdEnd } from './hold-end.ts'
import { watchExec } from './watch.ts'

export type ExecStartOptions = Parameters<ContainerService['startExec']>[1]

/** @throws NotFound, Conflict (it has run, or the container does not), InvalidParameter (its user) */
export async function startExec(context: Context, id: string, options: ExecStartOptions): Promise<Duplex | null> {
  const exec = findExec(context, id)
  const container = context.get(exec.containerId)
  if (exec.started)
    throw new Conflict(`Error: Exec command ${id} ${exec.running ? 'is already running' : 'has already run'}`)
  refuseUnlessRunning(container, container.config.name)
  exec.started = true
  try {
    // What is wrong from here on, the user's name too, is told in the stream: clients print it and ask for the exit code.
    await options.beforeStart?.()
    const spec = await specOf(context, container, exec, options)
    context.emit(container, `exec_start: ${commandLine(exec.config)}`, { execID: exec.id })
    const client = options.detach
      ? null
      : context.rooms.runtime.prepareAttach(attachOptions(context, exec, options.tty))
    return await run(context, container, exec, spec, client)
  } catch (error) {
    failed(exec, error)
    throw worded(error)
  }
}

/** @throws NotFound */
export function findExec(context: Context, id: string): LiveExec {
  const exec = context.execs.get(id as ExecId)
  if (exec === undefined) throw new NotFound(`No such exec instance: ${id}`)
  return exec
}

export const execFolder = ({ paths }: LiveContainer, id: string): string => join(paths.run, 'exec', id)

async function run(
  context: Context,
  container: LiveContainer,
  exec: LiveExec,
  spec: ExecSpec,
  client: PreparedAttach | null,
): Promise<Duplex | null> {
  const runDir = execFolder(container, exec.id)
  try {
    mkdirSync(runDir, { recursive: true, mode: 0o700 })
    // For a daemon that comes after us: the shim's records say what became of it, this says what it was.
    writeFileSync(join(runDir, 'exec.json'), JSON.stringify({ id: exec.id, config: exec.config }), { mode: 0o600 })
    const { config } = exec
    const { handle } = await context.rooms.runtime.execInContainer(spec, {
      runDir,
      stdin: config.attachStdin && client !== null ? 'once' : 'null',
      log: null,
      attach: client === null ? [] : [client],
    })
    Object.assign(exec, { handle, running: true, pid: handle.started.pid } satisfies Partial<LiveExec>)
    watchExec(context, container, exec, handle)
    return client === null ? null : holdEnd(client.stream, () => exitOf(handle, client))
  } catch (error) {
    client?.abandon()
    rmSync(runDir, { recursive: true, force: true })
    throw error
  }
}

/** Settles when the exec has ended and its exit code is recorded; at once for a client that has detached from one that runs. */
async function exitOf(handle: ShimHandle, { options }: PreparedAttach): Promise<void> {
  if (options.detachKeys.length > 0 && (await isAlive(handle.started.pid))) return
  await handle.exited.catch(() => {})
  // Recorded by whoever waited for it before us.
  await Promise.resolve()
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return !/^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')))
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false
    throw error
  }
}

function attachOptions(context: Context, { config }: LiveExec, tty: boolean): AttachOptions {
  const keys = config.detachKeys || context.defaults.detachKeys
  return {
    stdin: config.attachStdin,
    stdout: config.attachStdout,
    stderr: config.attachStderr,
    framed: !tty,
    detachKeys: config.tty && config.attachStdin ? parseDetachKeys(keys) : new Uint8Array(),
  }
}

async function specOf(
  context: Context,
  container: LiveContainer,
  { config }: LiveExec,
  options: ExecStartOptions,
): Promise<ExecSpec> {
  const process = container.process
  const pidfd = process === null ? null : pidfdOf(process)
  if (process === null || pidfd === null) throw new Conflict(`Container ${container.id} is not running`)
  const { config: own, hostConfig } = container.config
  const { rlimits } = chooseLimits(hostConfig.ulimits, context.defaults.ulimits)
  const request = {
    argv: config.argv,
    linked: linkEnvironment(context, container.config),
    env: config.env,
    cwd: config.workingDir || own.workingDir,
    user: config.user || own.user,
    tty: config.tty,
    privileged: config.privileged,
    consoleSize: options.consoleSize ?? config.consoleSize,
    hostname: own.hostname,
    rlimits,
  }
  const chosen = await chooseProcess(container, request, userDatabase(process), context.defaults)
  const idMap = idMapOf(process.handle.started.pid)
  return {
    ...(idMap && { idMap }),
    containerId: container.id,
    pidfd,
    process: chosen.process,
    seccomp: chosen.seccomp,
    cgroup: process.cgroup.joinBeside(process.handle.started.pid),
  }
}

/** As the container sees its files at this moment. */
function userDatabase({ handle }: LiveProcess): ReturnType<typeof readUserDatabase> {
  const root = openat2(AT_FDCWD, `/proc/${handle.started.pid}/root`, O_PATH, 0)
  try {
    return readUserDatabase(root)
  } finally {
    close(root)
  }
}

function failed(exec: LiveExec, error: unknown): void {
  exec.running = false
  exec.exitCode = error instanceof StartFailed ? error.exitCode : 126
  exec.endedAtMs = performance.now()
}

function worded(error: unknown): unknown {
  if (!(error instanceof StartFailed) || error.exitCode === 128) return error
  return new InvalidParameter(error.message, { cause: error })
}
