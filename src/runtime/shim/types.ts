/**
 * What the rest of skiff sees of a shim, the small native process that stands beside each container and each exec:
 * it starts the process by a program, keeps its streams, log and exit status, and outlives the daemon.
 * The façade is src/runtime/shim/shim.ts (launchShim, adoptShim) and src/runtime/shim/attach.ts (prepareAttach).
 */

import type { Duplex } from 'node:stream'
import type { FORWARD_FORMAT } from '../../program/abi.ts'
import type { Program, StepReport } from '../../program/step.ts'

/** What a client of a process's streams wants. */
export interface AttachOptions {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  /** Docker's 8-byte header before each piece of output; raw bytes without it (always so with a terminal). */
  framed: boolean
  /** Typed in this order they disconnect the client; empty: none. At most ATTACH_LIMITS.MAX_KEYS bytes. */
  detachKeys: Uint8Array
}

/**
 * A client attached before there is a process: none of the output is lost. Made by prepareAttach(); given to
 * launchShim() once, which takes over `fd` whatever the outcome. A client that will never be launched is given up by abandon().
 */
export interface PreparedAttach {
  /** The client's end, usable at once: what is written waits for the process; it ends when all output was delivered. */
  readonly stream: Duplex
  readonly options: AttachOptions
  /** The shim's end, to be passed on. */
  readonly fd: number
  /** Closes `fd` here: the shim has its own copy now. For launchShim(). */
  handOver(): void
  abandon(): void
}

/** Docker's json-file log, written by the shim. */
export interface LogOptions {
  /** An existing folder on the host. */
  folder: string
  /** The file's name in it; rotated files are called NAME.1, NAME.2 … */
  name: string
  /** Rotate when the file has at least this many bytes; null: never. */
  maxBytes: number | null
  /** How many files there may be, the current one included; 1 truncates instead of renaming. */
  maxFiles: number
  /** What `labels`, `env` and `tag` add to each entry as `attrs`; null or {}: nothing. */
  attributes: Readonly<Record<string, string>> | null
  /** ShimHandle.onRotated is called after rotations: somebody compresses the older files. */
  tellRotations?: boolean
}

/** Entries are also sent to somebody, by the shim itself: they go on while there is no daemon. */
export interface ForwardOptions {
  format: keyof typeof FORWARD_FORMAT
  /** syslog(3)'s number. */
  facility: number
  socketType: 'stream' | 'datagram'
  /** As connect(2) takes it; see src/kernel/sockets.ts. */
  address: Buffer
  /** Whether the process waits for a slow receiver. */
  blocking: boolean
  bufferBytes: number
  /** Of local time, for formats without a time zone. */
  utcOffsetSeconds: number
  /** What stands before and after the shim's process id; the journal's fields stand in `before`. */
  before: Buffer
  after: Buffer
}

export interface ShimLaunch {
  /** Shown by ps(1) behind "skiff-shim"; says whose shim it is. */
  id: string
  /**
   * An existing folder of its own (0700), absolute: shim.sock, started.json and exit.json go there. A container and each
   * exec have one each. Old records of an earlier run are removed by launchShim().
   */
  runDir: string
  /** Runs in the new process; its last step is execve or execveat. */
  program: Program
  /** Runs in the shim before it clones: setns(CLONE_NEWPID) for exec and --pid=container:. */
  before?: Program
  /** CLONE_NEW* of the new process. */
  cloneFlags: number
  /** A cgroup v2 folder that the process is born in (CLONE_INTO_CGROUP). Stays the caller's. */
  cgroupIntoFd?: number
  /** Become the slots SLOT.FIRST_PASSED … of both programs. They stay the caller's: close them after the launch. */
  passedFds: readonly number[]
  /**
   * The program makes a pty and sends its master over SLOT.CONSOLE (sendmsg with SCM_RIGHTS, one descriptor, one byte).
   * The first window size is best set by the program, before its exec.
   */
  terminal: boolean
  /**
   * 'null': /dev/null. 'open': a pipe that stays open for clients to come. 'once': closed when a client that attached to
   * it has ended its side or gone. With a terminal: whether clients' input reaches it ('null': no).
   */
  stdin: 'null' | 'open' | 'once'
  /** null: no log is kept. */
  log: LogOptions | null
  /** Besides or instead of the log; missing or null: nobody. */
  forward?: ForwardOptions | null
  /** Clients that are there before the start. */
  attach: readonly PreparedAttach[]
}

export interface LaunchReports {
  before: readonly StepReport[]
  main: readonly StepReport[]
}

/** started.json */
export interface StartedRecord {
  /** The process, in the daemon's PID namespace. */
  pid: number
  /** Field 22 of /proc/PID/stat: with the pid it names one process for ever. */
  startTicks: string
  /** The shim itself. */
  shimPid: number
  /** RFC 3339 with nanoseconds, UTC. */
  startedAt: string
}

/** exit.json */
export interface ExitRecord {
  pid: number
  /** As wait4(2) gives it. */
  waitStatus: number
  /** 0 to 255; 128 + signal for a process that a signal ended. */
  exitCode: number
  /** The signal that ended it; 0: it exited by itself. */
  signal: number
  /** RFC 3339 with nanoseconds, UTC. */
  finishedAt: string
  /** Log entries that could not be written (a full disk), or sent by the time of the end (no receiver). */
  logEntriesLost: number
}

/** A process that runs, or ran, under a shim. */
export interface ShimHandle {
  readonly started: StartedRecord
  /** What each step of its start did; empty for a shim that was adopted by a new daemon only if it no longer knows. */
  readonly reports: LaunchReports
  /**
   * Resolves when the process has ended, its output is in the log and exit.json on disk. Rejects with ShimLost when the
   * shim went without a record (it was killed): then the caller ends what is left of the container by its cgroup.
   */
  readonly exited: Promise<ExitRecord>
  /** Resolves when in place: what the process writes from then on reaches the stream. Half-close it to end stdin. */
  attach(options: AttachOptions): Promise<Duplex>
  /** Sets the terminal's window size; nothing without a terminal. */
  resize(rows: number, columns: number): void
  /** Closes the process's stdin once what was written to it has been read; nothing with a terminal. */
  closeStdin(): void
  /** To the first process; without effect when it has ended. Its pid cannot be a stranger's: the shim is its parent. */
  signal(signal: number): void
  /** Calls back after rotations of the log (LogOptions.tellRotations), until the end. One callback at the most. */
  onRotated(call: () => void): void
  /** Lets go of the shim, which lives on (the daemon is stopping). `exited` never settles after this. */
  release(): void
}

/** What a new daemon finds in a run folder. */
export type Adoption =
  | { kind: 'running'; handle: ShimHandle }
  | { kind: 'exited'; started: StartedRecord | null; exit: ExitRecord }
  /** The shim is gone without an exit record; the process may be alive: compare its start ticks, end it by its cgroup. */
  | { kind: 'lost'; started: StartedRecord }
  /** No process was ever started here. */
  | { kind: 'absent' }

export type AdoptShim = (runDir: string) => Promise<Adoption>
