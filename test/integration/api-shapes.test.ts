/** The same objects on skiff and on the reference engine: the same fields, of the same types, and where nothing stands against it the same values. */

import { beforeAll, expect, test } from 'vitest'
import type { Json } from '../support/client.ts'
import { type Allowed, differences, onBoth } from '../support/compare.ts'
import { create, exec, inspect, remove, run, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

const engines = {} as { skiff: Engine; docker: Engine }

beforeAll(async () => {
  const [skiff, docker] = await Promise.all([startDaemon(), startReferenceEngine()])
  Object.assign(engines, { skiff, docker })
  await Promise.all([importBusybox(skiff), importBusybox(docker)])
})

const compare = async (scenario: (engine: Engine) => Promise<unknown>, allowed: Allowed = []): Promise<string[]> =>
  differences(await onBoth(engines, scenario), [...EMPTY, ...ENGINE, ...allowed])

/** Where a client has sent nothing skiff shows an empty list, as Docker does for what its own command line sends. */
const EMPTY: Allowed = [
  [/\.(PortBindings|Dns|DnsOptions|DnsSearch|Devices|Ulimits|Blkio\w+)$/, 'empty for null'],
  [/\.(Labels|RepoDigests|BuildCache|Warnings)$/, 'empty for null'],
]

const ENGINE: Allowed = [
  ['State.Pid', 'another process'],
  ['HostConfig.Runtime', 'there is no runc'],
  [/\.?GraphDriver\.Data/, 'folders of its own; a root is mounted in its container only'],
  [/SandboxID|SandboxKey|EndpointID|NetworkID/, 'a network that is none has nothing to identify'],
  [/DNSNames$/, 'since API 1.44'],
  [/MaskedPaths/, 'those of later Docker versions are masked too'],
  [/KernelMemory(TCP)?$/, 'removed in API 1.42'],
  [/(ResolvConf|Hostname|Hosts|Log)Path$/, 'known from the creation on'],
  ['HostConfig.RestartPolicy.Name', 'said in words'],
]

interface Mount {
  Destination: string
}

const NONE = { NetworkMode: 'none' }
const RICH = {
  Image: 'busybox',
  Cmd: ['sleep', '1000'],
  Env: ['A=b'],
  Labels: { l: 'm' },
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/v': {} },
  StopTimeout: 3,
  StopSignal: 'SIGINT',
  Healthcheck: { Test: ['CMD', 'true'], Interval: 60_000_000_000, Retries: 2 },
  Hostname: 'h',
  HostConfig: {
    ...NONE,
    Binds: ['/etc:/t:ro'],
    Memory: 67108864,
    CpuShares: 512,
    PidsLimit: 50,
    CapAdd: ['NET_ADMIN'],
    Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
    Tmpfs: { '/run': 'size=1m' },
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
    Sysctls: { 'kernel.shm_rmid_forced': '1' },
    ReadonlyRootfs: true,
  },
}

test('inspect of a created container', async () => {
  const scenario = async (engine: Engine) => {
    const id = await create(engine, { Image: 'busybox', HostConfig: NONE }, 'plain')
    const shown = await inspect(engine, id)
    await remove(engine, id)
    return shown
  }
  expect(await compare(scenario)).toEqual([])
})

test('inspect of a running container with many options', async () => {
  const scenario = async (engine: Engine) => {
    const id = await start(engine, RICH, 'rich')
    const shown = await inspect(engine, id)
    // Docker keeps them in a map: any order.
    shown.Mounts.sort((a: Json, b: Json) => (a.Destination < b.Destination ? -1 : 1))
    await remove(engine, id)
    return shown
  }
  expect(await compare(scenario)).toEqual([])
})

test('list', async () => {
  const scenario = async (engine: Engine) => {
    const id = await start(engine, RICH, 'listed')
    const shown = await engine.api.get('/containers/json', { all: 1, size: 1 })
    await remove(engine, id)
    // Docker shows them in the order of a Go map: each time another one.
    for (const { Mounts } of shown) Mounts.sort((a: Mount, b: Mount) => (a.Destination < b.Destination ? -1 : 1))
    return shown
  }
  const allowed: Allowed = [
    ['[0].SizeRw', 'a zero is shown'],
    ['[0].Status', 'the seconds of another moment'],
    ['[0].Mounts[1].Source', 'where a volume is'],
  ]
  expect(await compare(scenario, allowed)).toEqual([])
})

test('exec', async () => {
  const scenario = async (engine: Engine) => {
    const id = await start(engine, RICH, 'executed')
    const spec = { AttachStdout: true, Cmd: ['echo', 'x'], User: '0', Privileged: true }
    const { Id } = await engine.api.post(`/containers/${id}/exec`, spec)
    const before = await engine.api.get(`/exec/${Id}/json`)
    await exec(engine, id, ['true'])
    await remove(engine, id)
    return before
  }
  expect(await compare(scenario)).toEqual([])
})

test('images', async () => {
  const scenario = async (engine: Engine) => ({
    list: await engine.api.get('/images/json'),
    inspect: await engine.api.get('/images/busybox/json'),
    history: await engine.api.get('/images/busybox/history'),
  })
  const allowed: Allowed = [
    [/Created$/, 'imported one after the other'],
    ['inspect.DockerVersion', 'it was not Docker'],
  ]
  expect(await compare(scenario, allowed)).toEqual([])
})

/** A value's type, for what cannot be the same. */
const typed = (value: unknown): unknown => {
  if (value === null) return null
  if (Array.isArray(value)) return value.slice(0, 1).map(typed)
  if (typeof value !== 'object') return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, typed(item)]))
}

test('statistics', async () => {
  const scenario = async (engine: Engine) => {
    const id = await start(engine, { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: NONE })
    const shown = await engine.api.get(`/containers/${id}/stats`, { stream: 0 })
    await remove(engine, id)
    return typed(shown)
  }
  const allowed: Allowed = [
    [/^memory_stats\.stats\./, 'all that the kernel tells'],
    [/^blkio_stats\./, 'what was read from the disk, if anything was: the program may lie in memory already'],
  ]
  expect(await compare(scenario, allowed)).toEqual([])
})

test('version, info, disk usage', async () => {
  const scenario = async (engine: Engine) => ({
    version: typed(await engine.api.get('/version')),
    info: typed(await engine.api.get('/info')),
    df: typed(await engine.api.get('/system/df')),
  })
  const allowed: Allowed = [
    [/^info\.Runtimes\./, 'its own'],
    [/^info\.(DefaultAddressPools|CDISpecDirs)$/, 'of later API versions'],
  ]
  expect(await compare(scenario, allowed)).toEqual([])
})

test('networks and volumes', async () => {
  const scenario = async (engine: Engine) => {
    await engine.api.post('/volumes/create', { Name: 'vol', Labels: { a: 'b' } })
    return {
      host: await engine.api.get('/networks/host'),
      none: await engine.api.get('/networks/none'),
      volumes: await engine.api.get('/volumes'),
    }
  }
  expect(await compare(scenario, [[/EnableIPv4$/, 'since API 1.47']])).toEqual([])
})

test('events of a short life', async () => {
  const scenario = async (engine: Engine) => {
    const since = Math.floor(Date.now() / 1000)
    await run(engine, { Image: 'busybox', Cmd: ['true'], HostConfig: NONE }, 'short')
    const until = Math.ceil(Date.now() / 1000) + 1
    const text: string = await engine.api.call('GET', '/events', {
      query: { since, until, filters: { type: ['container'], container: ['short'] } },
    })
    return text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .map(({ time, timeNano, ...event }) => ({ ...event, time: typeof time, timeNano: typeof timeNano }))
  }
  expect(await compare(scenario, [[/execDuration$/, 'of later versions']])).toEqual([])
})
