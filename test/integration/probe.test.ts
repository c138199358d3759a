/**
 * A container is what its process sees: the probe (test/probe) runs under skiff and under the reference engine with the same
 * request, and must report the same. What may differ is listed, each with its reason.
 */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Allowed, differences, type Pair } from '../support/compare.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { RUN } from '../support/machine.ts'
import { importProbe, probe } from '../support/probe.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Pair<Engine>
let shared: string

beforeAll(async () => {
  engines = { skiff: await startDaemon(), docker: await startReferenceEngine({ lenient: true }) }
  await Promise.all([importProbe(engines.skiff), importProbe(engines.docker)])
  shared = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-shared-`))
  await mkdir(join(shared, 'folder'))
  await writeFile(join(shared, 'file'), 'content\n')
})

afterAll(() => rm(shared, { recursive: true, force: true }))

/** In every configuration. The reference is Docker 20.10; skiff follows later ones, whose API it serves. */
const ALWAYS: Allowed = [
  [/^(mounts|paths)\.\/proc\/interrupts$/, 'masked since Docker 28.1'],
  [/^sysctls\.net\/ipv6\/conf\/(all|default)\/disable_ipv6$/, 'on for the loopback since Docker 26'],
  [/^syscalls\.io_uring_/, 'refused since Docker 25'],
  ['attempts.io_uring', 'refused since Docker 25'],
  ['attempts.socket.vsock', 'refused since Docker 24'],
  [/^syscalls\.(name_to_handle_at|pkey_alloc|pkey_free|pkey_mprotect)$/, 'allowed since Docker 25'],
  ['attempts.open by handle', 'the handle is given out since Docker 25; that it opens nothing is tested below'],
  [/^syscalls\.process_vm_(readv|writev)$/, 'allowed since Docker 23, on kernels that check ptrace rights'],
  ['attempts.read own memory', 'the same'],
  [
    'syscalls.set_mempolicy_home_node',
    'newer than the profile of Docker 20.10, which answers ENOSYS to what it does not know',
  ],
  ['paths./sys/fs/cgroup', "a tmpfs of the engine's own: runc gives it the mode of the folder below"],
]

/** What Docker 20.10 does not know: PERFMON, BPF, CHECKPOINT_RESTORE. That skiff gives all there are is tested below. */
const NEW_CAPABILITIES: Allowed = [
  [/^status\.Cap(Prm|Eff|Bnd)$/, 'Docker 20.10 knows the capabilities of Linux 5.7'],
  [/^(attempts|syscalls)\.(bpf|perf|perf_event_open)$/, 'the same'],
]

/** The reference engine has a network namespace of its own, with its own links and settings. */
const OTHER_HOST_NETWORK: Allowed = [
  [/^links\b/, 'the host of the reference engine is a network namespace with nothing but lo and docker0'],
  [/^sysctls\.net\//, 'a new network namespace has the defaults, the machine may have others'],
  [
    'mounts./sys',
    'one sysfs per network namespace: that of the machine is mounted writable on /sys, which its superblock says',
  ],
]

interface Configuration {
  /** Fields beside Image and Cmd. A function is given a folder that both engines can mount. */
  spec?: object
  host?: object | ((folder: string) => object)
  allowed?: Allowed
}

const CONFIGURATIONS: Record<string, Configuration> = {
  'nothing asked for': {},
  '-t': { spec: { Tty: true } },
  '-i': { spec: { OpenStdin: true, StdinOnce: true, AttachStdin: true } },
  '--user 1000': { spec: { User: '1000' } },
  '--user 1000:1000 --group-add': { spec: { User: '1000:1000' }, host: { GroupAdd: ['audio', '4321'] } },
  '--user by name': { spec: { User: 'www-data' } },
  '--user by name and group': { spec: { User: 'nobody:video' } },
  '--cap-add': { host: { CapAdd: ['SYS_ADMIN', 'NET_ADMIN'] } },
  '--cap-add ALL': { host: { CapAdd: ['ALL'] }, allowed: NEW_CAPABILITIES },
  '--cap-drop ALL': { host: { CapDrop: ['ALL'] } },
  '--cap-drop ALL --cap-add': { host: { CapDrop: ['ALL'], CapAdd: ['CAP_CHOWN', 'SYS_PTRACE'] } },
  '--cap-add for a user': { spec: { User: '1000' }, host: { CapAdd: ['NET_BIND_SERVICE', 'SYS_TIME'] } },
  '--privileged': { host: { Privileged: true }, allowed: NEW_CAPABILITIES },
  '--privileged for a user': { spec: { User: '1000:1000' }, host: { Privileged: true }, allowed: NEW_CAPABILITIES },
  '--privileged -t': { spec: { Tty: true }, host: { Privileged: true }, allowed: NEW_CAPABILITIES },
  'no-new-privileges': { host: { SecurityOpt: ['no-new-privileges'] } },
  'seccomp=unconfined': { host: { SecurityOpt: ['seccomp=unconfined'] } },
  '--read-only': { host: { ReadonlyRootfs: true } },
  '--read-only --tmpfs': { host: { ReadonlyRootfs: true, Tmpfs: { '/tmp': '', '/run': 'size=1m,mode=700,exec' } } },
  '--init': {
    host: { Init: true },
    allowed: [
      [/^session\.(pid|group)$/, 'the init has started the process: which number it gets is its affair'],
      ['mounts./sbin/docker-init', 'each engine has an init of its own, in a place of its own'],
    ],
  },
  '--ulimit': {
    host: {
      Ulimits: [
        { Name: 'nofile', Soft: 512, Hard: 1024 },
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nproc', Soft: 100, Hard: 200 },
      ],
    },
  },
  '--sysctl': {
    host: { Sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1', 'fs.mqueue.msg_max': '20' } },
  },
  '--shm-size': { host: { ShmSize: 1 << 20 } },
  '--oom-score-adj': { host: { OomScoreAdj: 321 } },
  '--hostname --domainname': { spec: { Hostname: 'web', Domainname: 'example.org' } },
  '--env --workdir --entrypoint': {
    spec: {
      Env: ['A=1', 'B=x y', 'PATH=/bin'],
      WorkingDir: '/made/on/demand',
      Entrypoint: ['/probe'],
      Cmd: ['--attempts', 'an argument'],
    },
  },
  '--device': {
    host: {
      Devices: [
        { PathOnHost: '/dev/zero', PathInContainer: '/dev/other', CgroupPermissions: 'r' },
        { PathOnHost: '/dev/net/tun', PathInContainer: '/dev/net/tun', CgroupPermissions: 'rwm' },
      ],
    },
  },
  '--device-cgroup-rule': { host: { DeviceCgroupRules: ['c 10:* rwm', 'b 7:0 r'] } },
  '-v': { host: folder => ({ Binds: [`${folder}/folder:/made/folder`, `${folder}/file:/etc/file:ro`] }) },
  '-v with propagation': { host: folder => ({ Binds: [`${folder}/folder:/bound:ro,rprivate`] }) },
  '--mount': {
    host: folder => ({
      Mounts: [
        { Type: 'bind', Source: `${folder}/folder`, Target: '/bound', ReadOnly: true },
        { Type: 'tmpfs', Target: '/memory', TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } },
        { Type: 'volume', Target: '/volume' },
      ],
    }),
  },
  'limits by cgroup': {
    host: {
      Memory: 64 << 20,
      MemorySwap: 64 << 20,
      PidsLimit: 50,
      NanoCpus: 500_000_000,
      CpuShares: 512,
      CpusetCpus: '0',
    },
  },
  '--add-host --dns': {
    host: { ExtraHosts: ['a.example:10.1.2.3'], Dns: ['10.9.8.7'], DnsSearch: ['example'], DnsOptions: ['ndots:2'] },
  },
  '--pid host': {
    host: { PidMode: 'host' },
    allowed: [
      [/^session\.(pid|parent|group|session)$/, 'numbers of the machine'],
      [/^init\b/, 'pid 1 of the machine'],
    ],
  },
  '--ipc host': {
    host: { IpcMode: 'host' },
    allowed: [[/^devices\.shm\b/, 'what other programs of the machine keep in /dev/shm']],
  },
  '--ipc none': { host: { IpcMode: 'none' } },
  '--ipc shareable': { host: { IpcMode: 'shareable' } },
  '--uts host': { host: { UTSMode: 'host' } },
  '--cgroupns private': {
    host: { CgroupnsMode: 'private' },
    allowed: [
      ['mounts./sys/fs/cgroup/systemd', 'its source is free text: runc says systemd here, and cgroup elsewhere'],
    ],
  },
  '--userns host': { host: { UsernsMode: 'host' } },
  '--network host': { host: { NetworkMode: 'host' }, allowed: OTHER_HOST_NETWORK },
  'nothing masked': { host: { MaskedPaths: [], ReadonlyPaths: [] } },
  'other paths masked': { host: { MaskedPaths: ['/proc/cmdline', '/home'], ReadonlyPaths: ['/usr', '/proc/fs'] } },
}

describe('a process sees the same under skiff as under the reference engine', () => {
  test.each(Object.entries(CONFIGURATIONS))('%s', async (_, { spec = {}, host = {}, allowed = [] }) => {
    const HostConfig = { NetworkMode: 'none', ...(typeof host === 'function' ? host(shared) : host) }
    const request = { ...spec, HostConfig }
    const [skiff, docker] = await Promise.all([probe(engines.skiff, request), probe(engines.docker, request)])
    // A report that lacks its parts would agree with one that lacks them too.
    expect(Object.keys(docker)).toEqual(
      expect.arrayContaining(['status', 'mounts', 'devices', 'paths', 'syscalls', 'attempts']),
    )
    expect(differences({ skiff, docker }, [...ALWAYS, ...allowed])).toEqual([])
  })
})

describe('what the reference engine cannot show', () => {
  test('--privileged gives every capability that the machine has', async () => {
    const own = /^CapBnd:\t(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]
    const { status } = await probe(engines.skiff, { HostConfig: { NetworkMode: 'none', Privileged: true } })
    expect(status).toMatchObject({ CapPrm: own, CapEff: own, CapBnd: own })
  })

  test('a file handle opens nothing without CAP_DAC_READ_SEARCH', async () => {
    const { attempts } = await probe(engines.skiff, { HostConfig: { NetworkMode: 'none' } })
    expect(['EPERM', 'EOPNOTSUPP']).toContain(attempts['open by handle'])
  })
})
