/** The containers whose programs are kept as golden listings: one for each kind. Nothing in them depends on the machine. */

import { capabilitySets, DEFAULT_CAPABILITIES } from '../../src/runtime/capabilities.ts'
import type { HostFacts } from '../../src/runtime/compile/context.ts'
import type { ContainerSpec, ExecSpec, ProcessSpec } from '../../src/runtime/spec.ts'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export const FACTS: HostFacts = {
  fingerprint: '',
  lastCapability: 40,
  canMakeNodes: true,
  rootMayEnterCwd: true,
  kindOf: path => {
    if (/\.(conf|sock|txt)$|\/(hosts|hostname|kcore|keys|timer_list|sysrq-trigger|init)$/.test(path)) return 'file'
    return /\/(missing|latency_stats|timer_stats|sched_debug)$/.test(path) ? 'missing' : 'folder'
  },
  isProc: path => path === '/proc',
  hostDevices: () => [
    { path: '/dev/kmsg', type: 'c', major: 1, minor: 11, mode: 0o644, uid: 0, gid: 0 },
    { path: '/dev/net/tun', type: 'c', major: 10, minor: 200, mode: 0o666, uid: 0, gid: 0 },
    { path: '/dev/vda', type: 'b', major: 254, minor: 0, mode: 0o660, uid: 0, gid: 6 },
  ],
}

const PROCESS: ProcessSpec = {
  argv: ['sh', '-c', 'echo hello'],
  env: [PATH, 'HOSTNAME=box', 'HOME=/root'],
  cwd: '/',
  uid: 0,
  gid: 0,
  groups: [0, 10],
  terminal: false,
  capabilities: capabilitySets(DEFAULT_CAPABILITIES),
  noNewPrivileges: false,
  rlimits: [],
  oomScoreAdj: 0,
}

const FILTER = { instructions: Buffer.alloc(16), flags: [], name: 'default' }

const group = (label: string) => ({
  version: 1 as const,
  controllers: [],
  label,
  path: `/sys/fs/cgroup/${label.replace('name=', '')}/skiff/box`,
})

const PLAIN: ContainerSpec = {
  id: 'box',
  root: {
    kind: 'overlay',
    layersDir: '/var/lib/skiff/layers',
    lower: ['top', 'base'],
    upper: '/var/lib/skiff/roots/box/upper',
    work: '/var/lib/skiff/roots/box/work',
  },
  rootMountPoint: '/run/skiff/containers/box/rootfs',
  rootReadonly: false,
  rootPropagation: 'rprivate',
  process: PROCESS,
  namespaces: {
    pid: { kind: 'new' },
    network: { kind: 'fd', fd: 20, of: 'sandbox' },
    ipc: { kind: 'new' },
    uts: { kind: 'new' },
    cgroup: { kind: 'new' },
  },
  hostname: 'box',
  domainname: '',
  mounts: [
    bind('/var/lib/skiff/containers/box/resolv.conf', '/etc/resolv.conf'),
    bind('/var/lib/skiff/containers/box/hostname', '/etc/hostname'),
    bind('/var/lib/skiff/containers/box/hosts', '/etc/hosts'),
  ],
  shmBytes: 64 << 20,
  shmOf: null,
  devices: [],
  hostDevices: false,
  sysctls: {},
  maskedPaths: [
    '/proc/acpi',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/scsi',
    '/sys/firmware',
  ],
  readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  privileged: false,
  seccomp: FILTER,
  cgroup: { intoPath: '/sys/fs/cgroup/skiff/box', tasksFiles: [] },
  cgroupView: {
    readonly: true,
    folders: [{ version: 2, controllers: ['cpu', 'memory', 'pids'], label: '', path: '/sys/fs/cgroup/skiff/box' }],
  },
  initPath: null,
}

function bind(source: string, target: string, rest: Partial<ContainerSpec['mounts'][number] & { kind: 'bind' }> = {}) {
  return {
    kind: 'bind' as const,
    source,
    target,
    readonly: false,
    recursive: true,
    propagation: 'rprivate' as const,
    ...rest,
  }
}

const EXEC: ExecSpec = {
  containerId: 'box',
  pidfd: 21,
  process: PROCESS,
  seccomp: FILTER,
  cgroup: { intoPath: '/sys/fs/cgroup/skiff/box', tasksFiles: [] },
}

export const CONTAINERS: Record<string, ContainerSpec> = {
  default: PLAIN,
  terminal: { ...PLAIN, process: { ...PROCESS, terminal: true, consoleSize: { rows: 24, columns: 80 } } },
  privileged: {
    ...PLAIN,
    privileged: true,
    hostDevices: true,
    maskedPaths: [],
    readonlyPaths: [],
    seccomp: null,
    cgroupView: { ...PLAIN.cgroupView, readonly: false },
    process: { ...PROCESS, capabilities: capabilitySets([...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN', 'CAP_NET_ADMIN']) },
  },
  'read-only': {
    ...PLAIN,
    rootReadonly: true,
    mounts: [
      { kind: 'tmpfs', target: '/run', options: ['noexec', 'nosuid', 'nodev', 'size=1m', 'mode=755'] },
      { kind: 'tmpfs', target: '/tmp', options: ['noexec', 'nosuid', 'nodev', 'exec'] },
    ],
  },
  binds: {
    ...PLAIN,
    rootPropagation: 'rshared',
    mounts: [
      bind('/srv/data', '/data'),
      bind('/srv/config.txt', '/etc/app/config.txt', { readonly: true }),
      bind('/srv/shared', '/shared', { propagation: 'rshared' }),
      bind('/srv/flat', '/flat', {
        recursive: false,
        propagation: 'slave',
        readonly: true,
        options: ['nosuid', 'noexec'],
      }),
    ],
  },
  user: {
    ...PLAIN,
    process: {
      ...PROCESS,
      uid: 1000,
      gid: 1000,
      groups: [1000, 27],
      cwd: '/home/app',
      noNewPrivileges: true,
      argv: ['/usr/bin/app', '--serve'],
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096, required: true },
        { type: 'RLIMIT_CORE', soft: 0, hard: -1, required: false },
      ],
    },
  },
  'host-namespaces': {
    ...PLAIN,
    namespaces: {
      pid: { kind: 'host' },
      network: { kind: 'host' },
      ipc: { kind: 'host' },
      uts: { kind: 'host' },
      cgroup: { kind: 'host' },
    },
  },
  'of-another': {
    ...PLAIN,
    namespaces: {
      pid: { kind: 'fd', fd: 22, of: 'db' },
      network: { kind: 'fd', fd: 22, of: 'db' },
      ipc: { kind: 'fd', fd: 22, of: 'db' },
      uts: { kind: 'new' },
      cgroup: { kind: 'new' },
    },
    shmOf: 22,
  },
  legacy: {
    ...PLAIN,
    namespaces: { ...PLAIN.namespaces, cgroup: { kind: 'host' }, network: { kind: 'new' } },
    cgroup: {
      intoPath: null,
      tasksFiles: ['/sys/fs/cgroup/cpu,cpuacct/skiff/box/tasks', '/sys/fs/cgroup/pids/skiff/box/tasks'],
    },
    cgroupView: { readonly: true, folders: [group('cpu,cpuacct'), group('pids'), group('name=systemd')] },
    sysctls: { 'net.ipv4.ip_forward': '1' },
    domainname: 'example.org',
  },
  devices: {
    ...PLAIN,
    initPath: '/usr/lib/skiff/init',
    devices: [
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, mode: 0o666, uid: 0, gid: 0 },
      { path: '/dev/snd/timer', type: 'c', major: 116, minor: 33, mode: 0o660, uid: 0, gid: 29 },
      { path: '/data/disk', type: 'b', major: 254, minor: 0, mode: 0o660, uid: 0, gid: 6 },
    ],
  },
}

export const EXECS: Record<string, ExecSpec> = {
  exec: EXEC,
  'exec-terminal': { ...EXEC, process: { ...PROCESS, terminal: true, uid: 1000, gid: 1000, cwd: '/home/app' } },
}
