/**
 * Shims: one small native process (native/shim) beside each container and each exec.
 *
 *     skiffd                                   skiff-shim                                the process
 *       │ launch record (memfd), descriptors        │
 *       ├── spawn, as its child (or, to one that
 *       │   was spawned ahead, sendmsg: ahead.ts) ─▶│ before program
 *       │                                           ├──── clone3 ──────────────────────────▶│ main program
 *       │                                           │   its trace is in shared memory;      │
 *       │                                           │◀─ a pipe that the exec closes ────────┤ execve
 *       │                                           │ started.json
 *       │◀── STARTED (or FAILED, and the shim ends) ┤                                       │
 *       │                                           │◀──────── stdout, stderr or pty ───────┤
 *       │                                 log ◀─────┤───▶ clients (shim.sock, or handed over at the launch)
 *       ├── RESIZE, CLOSE_STDIN, SIGNAL ───────────▶│                                       │
 *       │                                           │◀──────────── wait4 ───────────────────┘ exits
 *       │                                           │ the rest of the output; exit.json
 *       │◀── EXITED ────────────────────────────────┤
 *       │◀── end of the connection ─────────────────┘ when its clients have everything
 *
 * A daemon that comes later connects to shim.sock in the run folder, sends CONTROL, and is told the same frames. If nobody
 * answers there, the shim is gone, and the folder tells what became of the process: frames are news, files are the truth.
 * The daemon binds that socket before it spawns: there is no moment at which a shim lives that cannot be found.
 */

import { closeSync, constants, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { check, hasCode } from '../../kernel/errors.ts'
import { sealedMemfd } from '../../kernel/memfd.ts'
import { BUILD_DIR } from '../../kernel/native.ts'
import { listenUnix, socketPair } from '../../kernel/sockets.ts'
import { spawn } from '../../kernel/spawn.ts'
import { syscall } from '../../kernel/syscall.ts'
import { ATTACH_LIMITS } from '../../program/abi.ts'
import { type BornShim, launchAhead, reapSoon, refillSoon } from './ahead.ts'
import { ControlConnection } from './connection.ts'
import { type FailureReport, StepFailure } from './failure.ts'
import { RunningShim } from './handle.ts'
import { encodeLaunch, launchMemfd } from './launch.ts'
import { EXIT_FILE, readExitRecord, readStartedRecord, SOCKET_FILE, STARTED_FILE } from './records.ts'
import type { Adoption, ShimHandle, ShimLaunch } from './types.ts'

const PROGRAM_NAME = 'skiff-shim'
const ENOENT = 2

let executable: Promise<number> | null = null

/** The shim's program, copied into a sealed memfd: no container can write to what the daemon runs next (CVE-2019-5736). */
function shimExecutable(): Promise<number> {
  executable ??= readFile(`${BUILD_DIR}${PROGRAM_NAME}`).then(bytes =>
    sealedMemfd(PROGRAM_NAME, bytes, { executable: true }),
  )
  return executable
}

/** Starts a process under a shim of its own. Resolves when its program has reached the exec. @throws StepFailure */
export async function launchShim(launch: ShimLaunch): Promise<ShimHandle> {
  const program = await shimExecutable().catch(error => {
    abandonClients(launch)
    throw error
  })
  let born: BornShim
  try {
    born = await spawnShim(launch, program)
  } catch (error) {
    abandonClients(launch)
    throw error
  }
  for (const client of launch.attach) client.handOver()
  refillSoon(PROGRAM_NAME, program)
  return await new Promise((resolve, reject) => {
    let shim: RunningShim | null = null
    let failure: FailureReport | null = null
    const control = ControlConnection.inherit(born.control, {
      started(started, reports) {
        shim = new RunningShim(launch.runDir, control, started, reports)
        resolve(shim)
      },
      failed(report) {
        failure = report
      },
      exited: exit => shim?.onExited(exit),
      rotated: () => shim?.rotated(),
      closed() {
        reapSoon(born.pid)
        if (shim !== null) void shim.onClosed()
        else reject(new StepFailure(failure ?? killedShim(), { before: launch.before, main: launch.program }))
      },
    })
  })
}

/** What to say of a shim that ended without a word: something killed it. */
const killedShim = (): FailureReport => ({ stage: 0, errno: 0, waitStatus: 0, reports: { before: [], main: [] } })

function abandonClients(launch: ShimLaunch): void {
  for (const client of launch.attach) client.abandon()
}

/** Everything that is done before the shim lives; every descriptor made here is closed again. */
async function spawnShim(launch: ShimLaunch, program: number): Promise<BornShim> {
  const opened: number[] = []
  const own = (fd: number): number => {
    opened.push(fd)
    return fd
  }
  try {
    const runFolder = own(openFolder(launch.runDir))
    removeOldRecords(runFolder)
    const logFolder = launch.log && own(openFolder(launch.log.folder))
    const { record, fds } = encodeLaunch(launch, { logFolder })
    const launchFd = own(launchMemfd(record))
    const listener = own(listenUnix(runFolder, SOCKET_FILE, ATTACH_LIMITS.MAX_CLIENTS))
    const ahead = launchAhead(launch.id, [launchFd, runFolder, listener, ...fds])
    if (ahead !== null) return ahead
    const [ours, theirs] = socketPair()
    own(theirs)
    try {
      // In the order of SHIM_FD.
      const given = [launchFd, runFolder, listener, theirs, ...fds]
      const pid = await spawn({ executable: program, argv: [PROGRAM_NAME, launch.id], fds: given })
      return { pid, control: ours }
    } catch (error) {
      closeSync(ours)
      throw error
    }
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

const openFolder = (path: string): number => openSync(path, constants.O_DIRECTORY | constants.O_RDONLY)

/** Of a process that ran here before: nobody shall take them for those of the next. */
function removeOldRecords(runFolder: number): void {
  for (const name of [STARTED_FILE, EXIT_FILE, SOCKET_FILE]) {
    const result = syscall('unlinkat', runFolder, name, 0)
    if (result !== -ENOENT) check('unlinkat', result, { name })
  }
}

/** Finds out what became of a process that another daemon started, and takes its shim over if there is one. */
export async function adoptShim(runDir: string): Promise<Adoption> {
  const shim = await connectToRunning(runDir)
  if (shim !== null) return { kind: 'running', handle: shim }
  const [started, exit] = await Promise.all([readStartedRecord(runDir), readExitRecord(runDir)])
  if (exit !== null) return { kind: 'exited', started, exit }
  return started === null ? { kind: 'absent' } : { kind: 'lost', started }
}

/** null: there is no shim, or it has ended in the meantime (a start that failed, or an exit: its record is there). */
function connectToRunning(runDir: string): Promise<RunningShim | null> {
  return new Promise((resolve, reject) => {
    let shim: RunningShim | null = null
    const connecting = ControlConnection.connect(runDir, {
      started(started, reports) {
        void connecting.then(control => {
          shim ??= new RunningShim(runDir, control, started, reports)
          resolve(shim)
        })
      },
      failed() {},
      exited: exit => void connecting.then(() => shim?.onExited(exit)),
      rotated: () => void connecting.then(() => shim?.rotated()),
      closed() {
        void connecting.then(() => {
          if (shim === null) resolve(null)
          else void shim.onClosed()
        })
      },
    })
    connecting.catch(error => {
      if (hasCode(error, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR')) resolve(null)
      else reject(error)
    })
  })
}
