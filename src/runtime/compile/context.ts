/** What every part of the compiler is given: the specification, slots to fill, and what must be known of the host. */

import type { Slots } from '../../program/builder.ts'
import type { Slot } from '../../program/step.ts'
import type { ContainerSpec, DeviceNode, ProcessSpec } from '../spec.ts'

export type PathKind = 'file' | 'folder' | 'missing'

/** What the compiler must know of the machine: a program has no `if`, so all is known before it runs. */
export interface HostFacts {
  /** Equal texts: all below is equal. */
  fingerprint: string
  /** /proc/sys/kernel/cap_last_cap */
  lastCapability: number
  /** Whether device nodes can be made: CAP_MKNOD, in the initial user namespace. */
  canMakeNodes: boolean
  /** What lies at a path of the host, symlinks followed. */
  kindOf(path: string): PathKind
  /** Whether a path of the host is on a procfs: what else would be mounted on /proc is refused. */
  isProc(path: string): boolean
  /**
   * Whether root may enter the working folder. It may enter every folder that is not on a file system of its own mind (FUSE,
   * NFS); those only the user may enter.
   */
  rootMayEnterCwd: boolean
  /** Nodes of the host's /dev; asked for by privileged containers alone. */
  hostDevices(): readonly DeviceNode[]
}

/** The working folder is entered while the process may look everywhere, or else as the user that it becomes. */
export const entersCwdAsRoot = ({ uid }: ProcessSpec, { rootMayEnterCwd }: HostFacts): boolean =>
  uid === 0 || rootMayEnterCwd

/** Where the container's streams come from. */
export interface Streams {
  stdin: 'null' | 'open' | 'once'
}

export interface ContainerContext {
  readonly spec: ContainerSpec
  readonly slots: Slots
  readonly facts: HostFacts
  readonly streams: Streams
  /** The container's /, once it is entered. */
  readonly root: Slot
  /** Descriptors of mounts that are in place, by their target, for those who work inside them: /proc, /sys, /dev. */
  readonly placed: Map<string, Slot>
}

/** Whether a user has put something of their own at a place of the standard furniture. */
export const isReplaced = (spec: ContainerSpec, target: string): boolean =>
  spec.mounts.some(mount => mount.target === target)

/** A user's own /dev comes with all that is in it: nothing is added there. */
export const devIsForeign = (spec: ContainerSpec): boolean =>
  spec.mounts.some(mount => mount.target === '/dev' && mount.kind === 'bind')
