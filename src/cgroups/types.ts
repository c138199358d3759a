/**
 * The contract of the cgroups room: what the runtime and the containers rooms program against.
 *
 * Vocabulary, as the kernel has it:
 *   hierarchy   a mounted tree of groups. Version 2 is one tree for all controllers; version 1 is a tree per controller.
 *   controller  what limits or counts one resource (memory, pids, …). On a hybrid host each is bound to one of the trees.
 *   group       a folder in a hierarchy. A container has one folder of the same name in every hierarchy: one `Cgroup`.
 *   parent      the group that a daemon keeps its containers' groups in.
 *
 * Kernel: Documentation/admin-guide/cgroup-v2.rst and Documentation/admin-guide/cgroup-v1/.
 */

/** Controllers by their version 1 names. `blkio` is `io` on v2; cpuacct, devices and freezer are part of every v2 group. */
export type Controller =
  | 'cpu'
  | 'cpuacct'
  | 'cpuset'
  | 'memory'
  | 'pids'
  | 'blkio'
  | 'devices'
  | 'freezer'
  | 'hugetlb'
  | 'perf_event'
  | 'net_cls'
  | 'net_prio'
  | 'rdma'
  | 'misc'

export type CgroupVersion = 1 | 2

/** One rule of device access; a list of them is read in order, the last that matches decides. Kernel: cgroup-v1/devices.rst */
export interface DeviceRule {
  allow: boolean
  /** `a` is every device of every type: it resets the list to "allow all" or "deny all". */
  type: 'a' | 'b' | 'c'
  /** null: every major number. */
  major: number | null
  /** null: every minor number. */
  minor: number | null
  /** Any of the letters r (read), w (write), m (mknod). */
  access: string
}

/** A value for one block device, named by its path (`/dev/sda`) or its number (`8:0`). */
export interface DeviceValue {
  device: string
  /** Bytes or operations per second, or a weight; 0 takes a limit away. */
  value: number
}

/** HugeTLB pages of one size that a group may use. */
export interface HugepageLimit {
  /** As the kernel spells it in file names: `2MB`, `1GB`. */
  pageSize: string
  limitBytes: number
}

/**
 * What a group is given. A field that is undefined is left as it is: the kernel's default in a new group, the present value
 * in an update. Zero means the same wherever Docker uses it for "not set" (all but `memorySwappiness` and the values for
 * devices); -1 means unlimited.
 */
export interface Resources {
  memoryBytes?: number
  /** What the group is pushed back to when the machine runs short of memory. */
  memoryReservationBytes?: number
  /** Memory *plus* swap, as Docker counts it. Not set while `memoryBytes` is: twice the memory (in a new group). */
  memorySwapBytes?: number
  /** 0 to 100. Only cgroup v1 has it. */
  memorySwappiness?: number
  /** Memory that the kernel uses on behalf of the group, counted apart: no kernel since 5.16 limits it. */
  kernelMemoryBytes?: number
  /** Processes wait for memory instead of being killed. Only cgroup v1 has it. */
  oomKillDisable?: boolean

  /** CPUs in 10⁻⁹: another way to say quota for a period of 100 ms. Wins over `cpuQuotaUs`. */
  nanoCpus?: number
  cpuQuotaUs?: number
  cpuPeriodUs?: number
  /** 2 to 262144; 1024 is everybody's share. */
  cpuShares?: number
  /** Only cgroup v1 has it. */
  cpuRealtimePeriodUs?: number
  /** Only cgroup v1 has it. */
  cpuRealtimeRuntimeUs?: number
  /** `0-2,5`; an empty string is "not set". */
  cpusetCpus?: string
  cpusetMems?: string

  /** Processes and threads; 0 and -1 are unlimited. */
  pidsLimit?: number

  /** 10 to 1000. */
  blkioWeight?: number
  blkioWeightDevice?: DeviceValue[]
  blkioDeviceReadBps?: DeviceValue[]
  blkioDeviceWriteBps?: DeviceValue[]
  blkioDeviceReadIops?: DeviceValue[]
  blkioDeviceWriteIops?: DeviceValue[]

  /** The whole list; not set: every device is allowed that the parent group allows. */
  devices?: DeviceRule[]
  hugepages?: HugepageLimit[]
}

/** A file of a group and what is written to it: data, so that it can be listed (`skiff explain`) as well as performed. */
export interface CgroupSetting {
  controller: Controller
  version: CgroupVersion
  /** The group's folder. */
  folder: string
  /** The file's name as the kernel spells it; `BPF_CGROUP_DEVICE` is not a file but a program attached to the folder. */
  file: string
  value: string
  why: string
  /** What the kernel shows in the file now; only from `Cgroup.settings`. */
  current?: string
}

/** A group's folder in one hierarchy. */
export interface CgroupFolder {
  version: CgroupVersion
  controllers: Controller[]
  /** The left side of a line in /proc/self/cgroup: `4:memory`, `0:`. Without the hierarchy's number: `memory`, ``. */
  label: string
  /** The folder, as this process sees it. */
  path: string
}

/** How a process gets into the group. */
export interface CgroupJoin {
  /** The v2 folder that clone3(2) puts the child into at birth (CLONE_INTO_CGROUP); null where there is no v2 hierarchy. */
  intoPath: string | null
  /**
   * The v1 files into which the child itself writes `0`, while it has one thread and before it does anything else. It is
   * `tasks`, not `cgroup.procs`, for speed: only for a single thread that moves itself does the kernel (kernel/cgroup/cgroup.c,
   * cgroup_procs_write_start) not take the lock that has it wait for every CPU.
   */
  tasksFiles: string[]
}

/** Where a controller is, and if it cannot be used, why. */
export interface ControllerPlace {
  controller: Controller
  version: CgroupVersion
  mountPoint: string
  /** Set if it is there and cannot be used: `mounted read-only`, `not delegated to …`. */
  unusable?: string
}

/** What limits can be set here; the names are those of Docker's `GET /info`. */
export interface CgroupSupport {
  memoryLimit: boolean
  memoryReservation: boolean
  swapLimit: boolean
  memorySwappiness: boolean
  oomKillDisable: boolean
  cpuShares: boolean
  cpuCfsPeriod: boolean
  cpuCfsQuota: boolean
  cpuRealtime: boolean
  cpuSet: boolean
  pidsLimit: boolean
  blkioWeight: boolean
  blkioWeightDevice: boolean
  blkioThrottle: boolean
  devices: boolean
  freezer: boolean
  hugepages: boolean
  /** Pressure stall information. */
  pressure: boolean
}

export interface CgroupPlacement {
  /**
   * The parent of this one group in place of the daemon's: Docker's `--cgroup-parent`. With or without a leading slash it is
   * a path below the part of the hierarchy that this daemon works in (`skiff explain` shows it; on a host: the whole).
   */
  parent?: string
}

/** All the groups of one daemon. */
export interface Cgroups {
  readonly mode: 'unified' | 'legacy' | 'hybrid'
  /** The daemon's own parent group, `/skiff`. */
  readonly parent: string
  readonly supports: CgroupSupport
  /** Every controller that the kernel has mounted, usable or not. */
  controllers(): ControllerPlace[]
  /** A few lines for `skiff info` and the log: the mode, and where each controller is. */
  describe(): string
  /**
   * What `create` would write, and in which order; touches nothing. The folders themselves are `folders(name)`.
   * Unavailable: a limit needs a controller that is not here.
   */
  plan(name: string, resources: Resources, placement?: CgroupPlacement): CgroupSetting[]
  /** Where the group is, or would be. */
  folders(name: string, placement?: CgroupPlacement): CgroupFolder[]
  /**
   * Makes the group in every hierarchy with its limits set, all or nothing. `name` is one path component, the container's id.
   * Conflict: the group exists and is in use. Unavailable: a limit needs a controller that is not here.
   * KernelError `write 999 to cpuset.cpus: EINVAL`: the kernel refused a value.
   */
  create(name: string, resources: Resources, placement?: CgroupPlacement): Promise<Cgroup>
  /** The group as it was created, by this daemon or by one before it. Nothing is checked: see `Cgroup.exists`. */
  open(name: string, placement?: CgroupPlacement): Cgroup
  /**
   * Removes the empty groups in the daemon's parent whose name is not to be kept. Those that still have processes are left
   * alone and returned as `populated`: whether they may be killed is the caller's to say.
   */
  removeStale(
    keep: ReadonlySet<string>,
    isOurs?: (name: string) => boolean,
  ): Promise<{ removed: string[]; populated: string[] }>
  /** Removes the parent groups that this daemon made, as far as they are empty: for a daemon that stops. */
  release(): void
}

/** What happened to a group for want of memory. */
export interface OomEvent {
  /** Processes killed since the group was made. */
  kills: number
  /** v1 with `oomKillDisable`: processes wait for memory right now. */
  underOom: boolean
}

export interface Watch {
  close(): void
}

/** One container's group. */
export interface Cgroup {
  readonly name: string
  readonly folders: CgroupFolder[]
  readonly join: CgroupJoin
  /**
   * As `join`, for one more process of the container. A container that runs systemd or a container engine moves its init into a
   * nested v2 group and may then not have processes in the outer one: the newcomer goes where the init is.
   */
  joinBeside(initPid: number): CgroupJoin
  /** All its folders are there. (Where no hierarchy can be used, there are none that could be missing.) */
  exists(): boolean
  /** Changes what is set in `resources`; leaves what is not. */
  update(resources: Resources): Promise<void>
  stats(): Promise<CgroupStats>
  /** Resolves when every process has stopped. Unavailable: no freezer. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  isFrozen(): boolean
  /** SIGKILL to every process, frozen or not, in nested groups too; resolves when it is sent, not when they are gone. */
  kill(): Promise<void>
  /** The pids, as this process sees them, nested groups included. */
  processes(): number[]
  /** How many processes the kernel killed for want of memory. 0 where there is no memory controller. */
  oomKills(): number
  /** Calls back at each further kill (and on v1 when `underOom` changes) until closed. */
  watchOom(listener: (event: OomEvent) => void): Watch
  /** Removes the folders, nested ones first; waits for dying processes. Not there any more: fine. Conflict: processes live on. */
  remove(): Promise<void>
  /** The files that these resources are written to, each with what the kernel shows in it now: for explain. */
  settings(resources: Resources): CgroupSetting[]
}

/** Some `/proc/pressure`-like file. Times in microseconds. Kernel: Documentation/accounting/psi.rst */
export interface Pressure {
  some: PressureLine
  full: PressureLine
}
export interface PressureLine {
  avg10: number
  avg60: number
  avg300: number
  totalUs: number
}

export interface BlkioEntry {
  major: number
  minor: number
  /** As Docker reports it: on v1 the kernel's words (Read, Write, Sync, Async, Discard, Total), on v2 read, write, discard. */
  op: string
  value: number
}

/** What a group has used, in the units of Docker's `GET /containers/{id}/stats`. A part whose controller is missing is null. */
export interface CgroupStats {
  readAt: Date
  cpu: {
    totalNs: number
    kernelNs: number
    userNs: number
    /** Only v1 counts by CPU: else empty. */
    perCpuNs: number[]
    /** The whole machine's, of all CPUs together. */
    systemNs: number
    onlineCpus: number
    periods: number
    throttledPeriods: number
    throttledNs: number
  } | null
  memory: {
    usageBytes: number
    /** The machine's memory where the group has no limit. */
    limitBytes: number
    /** The greatest usage so far; null where the kernel does not keep it (v2 before 5.19). */
    maxUsageBytes: number | null
    /** How often the limit was hit (v1), how often the group ran out of memory (v2). */
    failCount: number
    /** memory.stat as it is, with the names of the cgroup version. */
    detail: Record<string, number>
  } | null
  blkio: {
    serviceBytes: BlkioEntry[]
    serviced: BlkioEntry[]
  } | null
  /** A limit of null is none. */
  pids: { current: number; limit: number | null } | null
  /** Usage by page size. */
  hugetlb: Record<string, { usageBytes: number; maxUsageBytes: number | null; failCount: number }>
  pressure: { cpu?: Pressure; memory?: Pressure; io?: Pressure }
}
