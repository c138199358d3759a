/**
 * A container as the runtime needs it: everything decided, nothing defaulted, no name left to look up outside the root.
 * src/containers makes it from Docker's configuration; src/runtime/compile turns it into a program. Its nouns are those of
 * the OCI runtime specification (https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md).
 */

import type { CgroupFolder, CgroupJoin } from '../cgroups/types.ts'
import type { IdMap } from '../kernel/namespaces.ts'
import type { RootMount } from '../snapshots/types.ts'

/**
 * Where a namespace comes from: a new one, the host's, or another one, by a descriptor that the daemon holds: of the namespace
 * itself or, as setns(2) has it, a pidfd of a process in it. `of` says whose it is, for listings.
 */
export type NamespaceSource = { kind: 'new' } | { kind: 'host' } | { kind: 'fd'; fd: number; of: string }

export interface Namespaces {
  pid: NamespaceSource
  /** 'new' is an empty network with a loopback that is up. */
  network: NamespaceSource
  ipc: NamespaceSource
  uts: NamespaceSource
  cgroup: NamespaceSource
}

/** A user namespace of its own: the ids of the specification are those inside. */
export interface UserNamespace {
  /** A descriptor of it, which the daemon holds. */
  fd: number
  map: IdMap
}

export interface Rlimit {
  /** 'RLIMIT_NOFILE' … as in getrlimit(2). */
  type: string
  soft: number
  hard: number
  /** The user asked for it: failing to set it is an error, not a warning. */
  required: boolean
}

export interface Capabilities {
  bounding: readonly string[]
  permitted: readonly string[]
  effective: readonly string[]
  inheritable: readonly string[]
  ambient: readonly string[]
}

export interface ProcessSpec {
  argv: readonly string[]
  env: readonly string[]
  cwd: string
  uid: number
  gid: number
  groups: readonly number[]
  umask?: number
  terminal: boolean
  /** Window size at the start, in characters. */
  consoleSize?: { rows: number; columns: number }
  capabilities: Capabilities
  noNewPrivileges: boolean
  rlimits: readonly Rlimit[]
  oomScoreAdj?: number
}

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave'

/** Something to be mounted in the container, in the order of the list. Targets are paths inside the root. */
export type MountSpec =
  | {
      kind: 'bind'
      /** An absolute path on the host; opened before the root is entered. */
      source: string
      /**
       * A descriptor of a detached tree (open_tree(2)) that is mounted; `source` is only what it is called then, and not looked up
       * again. The caller closes it after the start.
       */
      tree?: number
      target: string
      readonly: boolean
      /** With its submounts (docker's bind-recursive); readonly then means all of them. */
      recursive: boolean
      /** Its submounts stay as they are all the same. */
      readonlyNonRecursive?: boolean
      propagation: Propagation
      /** In a user namespace: the files' ids are those inside, as a volume's are; otherwise they are the host's. */
      idmapped?: boolean
      /** As mount(8) has them: nosuid, noexec … */
      options?: readonly string[]
      /** What the source is, where the daemon knows or has made it; otherwise it is looked at. */
      sourceKind?: 'file' | 'folder'
    }
  | { kind: 'tmpfs'; target: string; options: readonly string[] }
  /** proc, sysfs, devpts, mqueue, shm (tmpfs), cgroup: made by the runtime's standard furniture, listed here when a user replaces one. */
  | { kind: 'filesystem'; fstype: string; source: string; target: string; options: readonly string[] }

/** A device node to be made in the container's /dev: by mknod, or bound from the host where mknod is not possible. */
export interface DeviceNode {
  path: string
  type: 'c' | 'b' | 'p'
  major: number
  minor: number
  mode: number
  uid: number
  gid: number
}

/** A seccomp filter compiled already (cBPF, struct sock_filter[]), or null for none. */
export interface SeccompFilter {
  instructions: Buffer
  flags: readonly string[]
  /** What it was compiled from, for listings: 'default', a path. */
  name: string
}

/** What the process sees at /sys/fs/cgroup: one folder on pure v2, one per hierarchy otherwise. */
export interface CgroupView {
  readonly: boolean
  /** The container's group in every hierarchy. */
  folders: readonly CgroupFolder[]
}

export interface ContainerSpec {
  id: string
  root: RootMount
  /** An empty folder on which the root is mounted before it is entered; nothing of it shows outside. */
  rootMountPoint: string
  rootReadonly: boolean
  /** Propagation of the container's root: 'rprivate' unless a bind mount asks for shared or slave. */
  rootPropagation: Propagation
  process: ProcessSpec
  namespaces: Namespaces
  /** Without one root in the container is root on the host. */
  userNamespace?: UserNamespace
  hostname: string
  domainname: string
  mounts: readonly MountSpec[]
  /** Size of /dev/shm; 0: there is none (--ipc none). */
  shmBytes: number
  /** A pidfd of the container whose /dev/shm is shared (--ipc container:NAME); null: a new one, or with ipc 'host' the host's. */
  shmOf: number | null
  devices: readonly DeviceNode[]
  /** All of the host's /dev nodes, as --privileged has them. */
  hostDevices: boolean
  /** Key with dots, e.g. 'net.ipv4.ip_forward'. */
  sysctls: Readonly<Record<string, string>>
  maskedPaths: readonly string[]
  readonlyPaths: readonly string[]
  /** /proc and /sys writable, as --privileged has them. */
  privileged: boolean
  seccomp: SeccompFilter | null
  cgroup: CgroupJoin
  cgroupView: CgroupView
  /** skiff's init as PID 1, bound to /sbin/docker-init from this path, `--` before the command; null: the command itself is PID 1. */
  initPath: string | null
}

/** A further process for a container that runs. */
export interface ExecSpec {
  containerId: string
  /** pidfd of the container's first process: the way into all its namespaces. */
  pidfd: number
  /** Of the container's user namespace, if it has one of its own. */
  idMap?: IdMap
  process: ProcessSpec
  seccomp: SeccompFilter | null
  cgroup: CgroupJoin
}
