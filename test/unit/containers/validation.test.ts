/** What is refused at create, in the words that the reference engine was heard to use. */

import { cpus } from 'node:os'
import { describe, expect, it, test } from 'vitest'
import type { CgroupSupport, Resources } from '../../../src/cgroups/types.ts'
import { parseBind } from '../../../src/containers/create/bind-spec.ts'
import { mountOf } from '../../../src/containers/create/mount-request.ts'
import { validateConfig } from '../../../src/containers/create/validate-config.ts'
import { validateHostConfig } from '../../../src/containers/create/validate-host.ts'
import { checkResources } from '../../../src/containers/create/validate-resources.ts'
import type { ContainerConfig, HostConfig, MountRequest } from '../../../src/containers/types.ts'
import { config, host } from './defaults.ts'

const health = { test: [], intervalNs: 0, timeoutNs: 0, startPeriodNs: 0, startIntervalNs: 0, retries: 0 }

test.each<[string, Partial<ContainerConfig>]>([
  ['invalid environment variable: =foo', { env: ['=foo'] }],
  ['invalid environment variable: ', { env: [''] }],
  ["the working directory 'foo' is invalid, it needs to be an absolute path", { workingDir: 'foo' }],
  ['Invalid signal: foo', { stopSignal: 'foo' }],
  ['Interval in Healthcheck cannot be less than 1ms', { healthcheck: { ...health, intervalNs: 5 } }],
  ['Timeout in Healthcheck cannot be less than 1ms', { healthcheck: { ...health, timeoutNs: 5 } }],
  ['StartPeriod in Healthcheck cannot be less than 1ms', { healthcheck: { ...health, startPeriodNs: 5 } }],
  ['Retries in Healthcheck cannot be negative', { healthcheck: { ...health, retries: -5 } }],
  ['invalid command: it contains a NUL byte', { cmd: ['a\0b'] }],
])('%s', (message, own) => {
  expect(() => validateConfig(config(own))).toThrow(new RegExp(`^${literally(message)}$`))
})

test.each<[string, Partial<HostConfig>]>([
  ["invalid restart policy 'foo'", { restartPolicy: { name: 'foo' as 'no', maximumRetryCount: 0 } }],
  ["maximum retry count cannot be used with restart policy 'always'", policy('always', 3)],
  ['maximum retry count cannot be negative', policy('on-failure', -3)],
  ["can't create 'AutoRemove' container with restart policy", { autoRemove: true, ...policy('always', 0) }],
  ['Invalid value 5000, range for oom score adj is [-1000, 1000]', { oomScoreAdj: 5000 }],
  ['SHM size can not be less than 0', { shmBytes: -5 }],
  ['bad format for add-host: "foo"', { extraHosts: ['foo'] }],
  ['invalid IP address in add-host: "abc"', { extraHosts: ['foo:abc'] }],
  ['invalid port specification: "abc"', { portBindings: { abc: [] } }],
  ['invalid port specification: "abc"', { portBindings: { '80/tcp': [{ hostIp: '', hostPort: 'abc' }] } }],
  ['Invalid network mode: invalid container format container:<name|id>', { networkMode: 'container:' }],
  ['invalid cgroup namespace mode: foo', { cgroupnsMode: 'foo' }],
  ['invalid --security-opt 1: "foo"', { securityOpt: ['foo'] }],
  ['invalid --security-opt 2: "foo=bar"', { securityOpt: ['foo=bar'] }],
  ['invalid --security-opt 2: "no-new-privileges=foo"', { securityOpt: ['no-new-privileges=foo'] }],
  ["invalid mount path: 'foo' mount path must be absolute", { tmpfs: { foo: '' } }],
  ["invalid specification: destination can't be '/'", { tmpfs: { '/': '' } }],
  ['invalid tmpfs option ["badopt"]', { tmpfs: { '/x': 'badopt' } }],
  ['error looking up logging plugin foo: plugin "foo" not found', { logConfig: { type: 'foo', config: {} } }],
  ["unknown log opt 'foo' for json-file log driver", { logConfig: { type: 'json-file', config: { foo: 'x' } } }],
  ["invalid device cgroup rule format: 'foo'", { deviceCgroupRules: ['foo'] }],
  ['Unknown option foo', { storageOpt: { foo: '1' } }],
  ['unknown or invalid runtime name: foo', { runtime: 'foo' }],
  ['invalid ulimit type: foo', { ulimits: [{ name: 'foo', soft: 1, hard: 1 }] }],
  [
    'ulimit soft limit must be less than or equal to hard limit: 10 > 1',
    { ulimits: [{ name: 'nofile', soft: 10, hard: 1 }] },
  ],
])('%s', (message, own) => {
  expect(() => validateHostConfig(host(own))).toThrow(message)
})

function policy(name: HostConfig['restartPolicy']['name'], maximumRetryCount: number): Partial<HostConfig> {
  return { restartPolicy: { name, maximumRetryCount } }
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

describe('limits', () => {
  const everything = new Proxy({} as CgroupSupport, { get: () => true })
  const nothing = new Proxy({} as CgroupSupport, { get: () => false })
  const count = cpus().length

  test.each<[string, Resources]>([
    ['Minimum memory limit allowed is 6MB', { memoryBytes: 1000 }],
    ['Minimum memory limit allowed is 6MB', { memoryBytes: -5 }],
    [
      'Minimum memoryswap limit should be larger than memory limit, see usage',
      { memoryBytes: 10_000_000, memorySwapBytes: 5_000_000 },
    ],
    ['You should always set the Memory limit when using Memoryswap limit, see usage', { memorySwapBytes: 5_000_000 }],
    ['Invalid value: 101, valid memory swappiness range is 0-100', { memorySwappiness: 101 }],
    ['Invalid value: -2, valid memory swappiness range is 0-100', { memorySwappiness: -2 }],
    [
      'Minimum memory limit can not be less than memory reservation limit, see usage',
      { memoryBytes: 10_000_000, memoryReservationBytes: 20_000_000 },
    ],
    ['Minimum memory reservation allowed is 6MB', { memoryReservationBytes: 1000 }],
    [
      `Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`,
      { nanoCpus: 900_000_000_000 },
    ],
    ['Conflicting options: Nano CPUs and CPU Quota cannot both be set', { nanoCpus: 1e9, cpuQuotaUs: 1000 }],
    ['Conflicting options: Nano CPUs and CPU Period cannot both be set', { nanoCpus: 1e9, cpuPeriodUs: 1000 }],
    ['CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)', { cpuPeriodUs: 10 }],
    ['CPU cfs quota can not be less than 1ms (i.e. 1000)', { cpuQuotaUs: 10 }],
    ['Invalid value abc for cpuset cpus: invalid format: abc', { cpusetCpus: 'abc' }],
    [`Requested CPUs are not available - requested 999, available: 0-${count - 1}`, { cpusetCpus: '999' }],
    ['Invalid value abc for cpuset mems: invalid format: abc', { cpusetMems: 'abc' }],
  ])('%s', (message, resources) => {
    expect(() => checkResources(resources, everything)).toThrow(message)
  })

  it('are discarded with a warning where the kernel has no such controller', () => {
    const asked: Resources = { memoryBytes: 10_000_000, cpuShares: 5, pidsLimit: 5, blkioWeight: 100, cpusetCpus: '0' }
    const { resources, warnings } = checkResources(asked, nothing)
    expect(resources).toEqual({})
    expect(warnings).toContain(
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    )
    expect(warnings).toHaveLength(5)
  })

  it('of CPU shares are moved into the kernel’s range', () => {
    expect(checkResources({ cpuShares: 1 }, everything).resources.cpuShares).toBe(2)
    expect(checkResources({ cpuShares: 1e9 }, everything).resources.cpuShares).toBe(262_144)
  })
})

describe('-v', () => {
  test.each([
    [
      'a:b',
      `invalid volume specification: 'a:b': invalid mount config for type "volume": invalid mount path: 'b' mount path must be absolute`,
    ],
    ['/a:/b:foo', 'invalid mode: foo'],
    ['/a:/b:ro:foo:x', "invalid volume specification: '/a:/b:ro:foo:x'"],
    [
      '/a:/',
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      '.',
      `invalid volume specification: '.': invalid mount config for type "volume": invalid mount path: '.' mount path must be absolute`,
    ],
    ['/tmp:/x:ro,rw', 'invalid mode: ro,rw'],
    ['/foo:ro', "invalid volume specification: '/foo:ro'"],
    [':/x', "invalid volume specification: ':/x'"],
  ])('%s is refused', (spec, message) => {
    expect(() => parseBind(spec, '')).toThrow(message)
  })

  it('understands every other form', () => {
    expect(parseBind('/a/../b/:/c//d/', '')).toMatchObject({
      type: 'bind',
      source: '/b',
      destination: '/c/d',
      rw: true,
    })
    expect(parseBind('/a:/b:ro,rshared', '')).toMatchObject({ rw: false, propagation: 'rshared', createSource: true })
    expect(parseBind('data:/b', 'x')).toMatchObject({
      type: 'volume',
      name: 'data',
      driver: 'x',
      mode: 'z',
      copyUp: true,
    })
    expect(parseBind('data:/b:nocopy', '')).toMatchObject({ copyUp: false })
    expect(parseBind('/b', '')).toMatchObject({ type: 'volume', name: '', destination: '/b' })
  })
})

describe('--mount', () => {
  const request = (own: Partial<MountRequest> & { type: MountRequest['type'] }): MountRequest => ({
    source: '',
    target: '/b',
    readonly: false,
    consistency: '',
    ...own,
  })
  const bind = {
    propagation: '',
    nonRecursive: false,
    createMountpoint: false,
    readonlyNonRecursive: false,
    readonlyForceRecursive: false,
  }
  const volume = { noCopy: false, labels: {}, driver: null, subpath: '' }

  test.each<[string, MountRequest]>([
    ['invalid mount config for type "npipe": mount type unknown', request({ type: 'npipe' })],
    [
      'invalid mount config for type "bind": bind source path does not exist: /nonexistent',
      request({ type: 'bind', source: '/nonexistent' }),
    ],
    ['invalid mount config for type "bind": field Source must not be empty', request({ type: 'bind' })],
    [
      'invalid mount config for type "bind": field Target must not be empty',
      request({ type: 'bind', source: '/tmp', target: '' }),
    ],
    [
      `invalid mount config for type "volume": invalid mount path: 'b' mount path must be absolute`,
      request({ type: 'volume', source: 'x', target: 'b' }),
    ],
    [
      `invalid mount config for type "bind": invalid mount path: 'tmp' mount path must be absolute`,
      request({ type: 'bind', source: 'tmp' }),
    ],
    [
      'invalid mount config for type "bind": field VolumeOptions must not be specified',
      request({ type: 'bind', source: '/tmp', volume }),
    ],
    [
      'invalid mount config for type "tmpfs": field Source must not be specified',
      request({ type: 'tmpfs', source: '/tmp' }),
    ],
    [
      'invalid mount config for type "volume": field BindOptions must not be specified',
      request({ type: 'volume', bind }),
    ],
    [
      'invalid mount config for type "bind": invalid propagation mode: foo',
      request({ type: 'bind', source: '/tmp', bind: { ...bind, propagation: 'foo' } }),
    ],
    [
      `invalid mount config for type "tmpfs": invalid specification: destination can't be '/'`,
      request({ type: 'tmpfs', target: '/' }),
    ],
  ])('%s', async (message, mount) => {
    await expect(mountOf(mount)).rejects.toThrow(message)
  })

  it('turns sizes and modes of a tmpfs into options', async () => {
    const mount = await mountOf(request({ type: 'tmpfs', tmpfs: { sizeBytes: 4096, mode: 0o1777, options: [] } }))
    expect(mount.tmpfsOptions).toEqual(expect.arrayContaining(['size=4096', 'mode=1777']))
  })
})
