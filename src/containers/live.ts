/**
 * A container as the daemon holds it: its records, and the handles of what runs. Commands change it inside its queue only;
 * readers get a copy (snapshot.ts).
 */

import type { Cgroup, Watch } from '../cgroups/types.ts'
import type { LaunchReports, PreparedAttach, ShimHandle } from '../runtime/shim/types.ts'
import type { ContainerSpec } from '../runtime/spec.ts'
import type { RootMount } from '../snapshots/types.ts'
import { Endings } from './endings.ts'
import type { HealthMonitor } from './health/monitor.ts'
import { Queue } from './queue.ts'
import type { ContainerPaths } from './store/files.ts'
import type { ConfigRecord, StateRecord } from './store/record.ts'
import type { ContainerId, Exec, ExecId } from './types.ts'

/** The first process of a container, while it runs. */
export interface LiveProcess {
  readonly handle: ShimHandle
  readonly cgroup: Cgroup
  /** Opened when first needed, see pidfd.ts. */
  pidfd: number | null
  oomWatch: Watch | null
  /** performance.now() at its start; null: it was started by an earlier daemon. */
  startedAtMs: number | null
}

/** A further process: created, running or ended. */
export interface LiveExec extends Exec {
  handle: ShimHandle | null
  /** Taken by a start: an exec runs once. */
  started: boolean
  /** For those that ended, so that they are not kept for ever. performance.now() */
  endedAtMs: number | null
}

export interface LiveContainer {
  readonly id: ContainerId
  config: ConfigRecord
  state: StateRecord
  readonly paths: ContainerPaths
  /** Everything that changes `state` or `process` goes through here. */
  readonly queue: Queue
  readonly endings: Endings
  process: LiveProcess | null
  /** What its last start was asked to do and what each step came to, as long as this daemon remembers: for `explain`. */
  lastStart: { spec: ContainerSpec; reports: LaunchReports } | null
  root: RootMount | null
  health: HealthMonitor | null
  /** Clients that attached before the start. */
  waiting: Set<PreparedAttach>
  readonly execs: Map<ExecId, LiveExec>
  /** Set as soon as somebody removes it. */
  removing: boolean
  /** A user's stop or kill that shall end the restart policy for this run. */
  stopRequested: boolean
  /** A user's restart is between its stop and its start: --rm does not remove it now. */
  restartRequested: boolean
  /** Published ports of a run that ended just now, which the next one shall have again: those that the kernel chose. */
  portsBefore: StateRecord['network']['ports']
  /** A restart by the policy that is due. */
  restartTimer: NodeJS.Timeout | null
  /** Milliseconds that the next restart by the policy waits. */
  backoffMs: number
}

export const INITIAL_BACKOFF_MS = 100

export const createLive = (config: ConfigRecord, state: StateRecord, paths: ContainerPaths): LiveContainer => ({
  id: config.id,
  config,
  state,
  paths,
  queue: new Queue(),
  endings: new Endings(),
  process: null,
  lastStart: null,
  root: null,
  health: null,
  waiting: new Set(),
  execs: new Map(),
  removing: false,
  stopRequested: false,
  restartRequested: false,
  portsBefore: {},
  restartTimer: null,
  backoffMs: INITIAL_BACKOFF_MS,
})
