import { describe, expect, test } from 'vitest'
import {
  blkio,
  deviceNumber,
  parseIoStat,
  parseLegacyEntries,
  toIoWeight,
} from '../../../src/cgroups/controllers/blkio.ts'
import { bandwidth, cpu, sharesToWeight } from '../../../src/cgroups/controllers/cpu.ts'
import { cpuset } from '../../../src/cgroups/controllers/cpuset.ts'
import { hugetlb, pageSizeName } from '../../../src/cgroups/controllers/hugetlb.ts'
import { memory } from '../../../src/cgroups/controllers/memory.ts'
import { pids } from '../../../src/cgroups/controllers/pids.ts'
import { parsePressure } from '../../../src/cgroups/pressure.ts'
import type { ControllerModule, DriverName, GroupState } from '../../../src/cgroups/setting.ts'
import type { Resources } from '../../../src/cgroups/types.ts'
import { Unavailable } from '../../../src/kernel/errors.ts'

/** A group with these files; one that is new has them all, without content. */
function group(files: Record<string, string> = {}, parent: Record<string, string> = {}): GroupState {
  return {
    has: file => file in files || Object.keys(files).length === 0,
    read: file => files[file] ?? null,
    number: file => (files[file] === undefined ? null : files[file] === 'max' ? Infinity : Number(files[file])),
    readParent: file => parent[file] ?? null,
  }
}

const written = (module: ControllerModule, driver: DriverName, resources: Resources, state = group()): string[] =>
  module[driver].settings(resources, state).map(({ file, value }) => `${file}=${value}`)

describe('memory, v1', () => {
  const limits = (limit: number, memsw: number) =>
    group({ 'memory.limit_in_bytes': String(limit), 'memory.memsw.limit_in_bytes': String(memsw) })

  test('a new group gets as much swap as memory', () => {
    expect(written(memory, 'legacy', { memoryBytes: 100 })).toEqual([
      'memory.limit_in_bytes=100',
      'memory.memsw.limit_in_bytes=200',
    ])
  })
  test('raising: the sum first, or memory would for a moment exceed it', () => {
    expect(written(memory, 'legacy', { memoryBytes: 300, memorySwapBytes: 400 }, limits(100, 200))).toEqual([
      'memory.memsw.limit_in_bytes=400',
      'memory.limit_in_bytes=300',
    ])
  })
  test('lowering: the sum last', () => {
    expect(written(memory, 'legacy', { memoryBytes: 50, memorySwapBytes: 60 }, limits(100, 200))).toEqual([
      'memory.limit_in_bytes=50',
      'memory.memsw.limit_in_bytes=60',
    ])
  })
  test('unlimited means both', () => {
    expect(written(memory, 'legacy', { memoryBytes: -1 }, limits(100, 200))).toEqual([
      'memory.memsw.limit_in_bytes=-1',
      'memory.limit_in_bytes=-1',
    ])
  })
  test('an update of the memory leaves the sum alone', () => {
    expect(written(memory, 'legacy', { memoryBytes: 150 }, limits(100, 200))).toEqual(['memory.limit_in_bytes=150'])
  })
  test('reservation, swappiness, OOM killer', () => {
    const resources = { memoryReservationBytes: 10, memorySwappiness: 0, oomKillDisable: true }
    expect(written(memory, 'legacy', resources)).toEqual([
      'memory.soft_limit_in_bytes=10',
      'memory.swappiness=0',
      'memory.oom_control=1',
    ])
    expect(written(memory, 'legacy', { memorySwappiness: -1, oomKillDisable: false })).toEqual([])
  })
  test('a kernel that does not count swap: no default, and an error for who asks', () => {
    const without = group({ 'memory.limit_in_bytes': '9' })
    expect(written(memory, 'legacy', { memoryBytes: 100 }, without)).toEqual(['memory.limit_in_bytes=100'])
    expect(() => written(memory, 'legacy', { memoryBytes: 100, memorySwapBytes: 200 }, without)).toThrow(Unavailable)
  })
})

describe('memory, v2', () => {
  const limits = (max: string, swap: string) => group({ 'memory.max': max, 'memory.swap.max': swap })

  test.each([
    ['as much swap as memory by default', { memoryBytes: 100 }, ['memory.max=100', 'memory.swap.max=100']],
    [
      'swap is the sum less memory',
      { memoryBytes: 100, memorySwapBytes: 150 },
      ['memory.max=100', 'memory.swap.max=50'],
    ],
    [
      'the sum equal to memory: none',
      { memoryBytes: 100, memorySwapBytes: 100 },
      ['memory.max=100', 'memory.swap.max=0'],
    ],
    ['unlimited swap', { memoryBytes: 100, memorySwapBytes: -1 }, ['memory.max=100', 'memory.swap.max=max']],
    ['reservation', { memoryReservationBytes: 10 }, ['memory.low=10']],
  ])('%s', (_, resources, expected) => {
    expect(written(memory, 'unified', resources)).toEqual(expected)
  })
  test('an update of the memory keeps the sum', () => {
    expect(written(memory, 'unified', { memoryBytes: 150 }, limits('100', '100'))).toEqual([
      'memory.max=150',
      'memory.swap.max=50',
    ])
    expect(written(memory, 'unified', { memoryBytes: 150 }, limits('max', 'max'))).toEqual(['memory.max=150'])
  })
  test('an update of the sum alone', () => {
    expect(written(memory, 'unified', { memorySwapBytes: 300 }, limits('100', '100'))).toEqual(['memory.swap.max=200'])
  })
  test('what v2 does not have is refused', () => {
    expect(() => written(memory, 'unified', { memorySwappiness: 60 })).toThrow(Unavailable)
    expect(() => written(memory, 'unified', { oomKillDisable: true })).toThrow(Unavailable)
    expect(written(memory, 'unified', { memorySwappiness: -1, oomKillDisable: false })).toEqual([])
  })
})

describe('cpu', () => {
  test.each([
    [2, 1],
    [1024, 100],
    [262_144, 10_000],
    [256, 35],
    [2048, 174],
  ])('%d shares are a weight of %d', (shares, weight) => expect(sharesToWeight(shares)).toBe(weight))

  test('--cpus is a quota for 100 ms', () => {
    expect(bandwidth({ nanoCpus: 1.5e9 })).toEqual({ quotaUs: 150_000, periodUs: 100_000 })
    expect(bandwidth({ nanoCpus: 0, cpuQuotaUs: 5000 })).toEqual({ quotaUs: 5000 })
  })
  test('v1: at no moment more than before or after', () => {
    const present = group({ 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '50000' })
    expect(written(cpu, 'legacy', { cpuPeriodUs: 200_000, cpuQuotaUs: 100_000 }, present)).toEqual([
      'cpu.cfs_period_us=200000',
      'cpu.cfs_quota_us=100000',
    ])
    expect(written(cpu, 'legacy', { cpuPeriodUs: 50_000, cpuQuotaUs: 25_000 }, present)).toEqual([
      'cpu.cfs_quota_us=25000',
      'cpu.cfs_period_us=50000',
    ])
  })
  test('v2: both in one file, and what is not said stays', () => {
    expect(written(cpu, 'unified', { nanoCpus: 5e8, cpuShares: 1024 })).toEqual([
      'cpu.weight=100',
      'cpu.max=50000 100000',
    ])
    expect(written(cpu, 'unified', { cpuQuotaUs: -1 }, group({ 'cpu.max': '5000 20000' }))).toEqual([
      'cpu.max=max 20000',
    ])
    expect(written(cpu, 'unified', { cpuPeriodUs: 40_000 }, group({ 'cpu.max': '5000 20000' }))).toEqual([
      'cpu.max=5000 40000',
    ])
  })
  test('realtime: v1 alone', () => {
    const realtime = { cpuRealtimePeriodUs: 1_000_000, cpuRealtimeRuntimeUs: 950_000 }
    expect(written(cpu, 'legacy', realtime)).toEqual(['cpu.rt_period_us=1000000', 'cpu.rt_runtime_us=950000'])
    expect(() => written(cpu, 'unified', realtime)).toThrow(Unavailable)
  })
  test('shares outside of the kernel’s range are refused', () => {
    for (const driver of ['legacy', 'unified'] as const) {
      expect(() => written(cpu, driver, { cpuShares: 1 })).toThrow('the minimum allowed cpu-shares is 2')
      expect(() => written(cpu, driver, { cpuShares: 262_145 })).toThrow('the maximum allowed cpu-shares is 262144')
    }
  })
})

describe('cpuset', () => {
  const parent = { 'cpuset.cpus': '0-3', 'cpuset.mems': '0' }
  test('v1: what is not set comes from the parent, once', () => {
    expect(written(cpuset, 'legacy', { cpusetCpus: '1' }, group({}, parent))).toEqual([
      'cpuset.cpus=1',
      'cpuset.mems=0',
    ])
    expect(written(cpuset, 'legacy', {}, group({ 'cpuset.cpus': '2', 'cpuset.mems': '0' }, parent))).toEqual([])
  })
  test('v2: nothing is needed', () => {
    expect(written(cpuset, 'unified', { cpusetCpus: '' }, group({}, parent))).toEqual([])
  })
})

test('pids: zero and -1 are unlimited', () => {
  expect([10, 0, -1].map(pidsLimit => written(pids, 'unified', { pidsLimit })[0])).toEqual([
    'pids.max=10',
    'pids.max=max',
    'pids.max=max',
  ])
  expect(written(pids, 'legacy', {})).toEqual([])
})

describe('blkio', () => {
  const resources: Resources = {
    blkioDeviceReadBps: [{ device: '8:0', value: 1000 }],
    blkioDeviceWriteIops: [
      { device: '8:0', value: 0 },
      { device: '8:16', value: 5 },
    ],
  }
  test('v1: a file per limit', () => {
    expect(written(blkio, 'legacy', resources)).toEqual([
      'blkio.throttle.read_bps_device=8:0 1000',
      'blkio.throttle.write_iops_device=8:0 0',
      'blkio.throttle.write_iops_device=8:16 5',
    ])
  })
  test('v2: a line per device; zero takes the limit away', () => {
    expect(written(blkio, 'unified', resources)).toEqual(['io.max=8:0 rbps=1000 wiops=max', 'io.max=8:16 wiops=5'])
  })
  test('weights go where the kernel has them', () => {
    const weight = { blkioWeight: 500, blkioWeightDevice: [{ device: '8:0', value: 100 }] }
    expect(written(blkio, 'legacy', weight, group({ 'blkio.bfq.weight': '', 'blkio.bfq.weight_device': '' }))).toEqual([
      'blkio.bfq.weight=500',
      'blkio.bfq.weight_device=8:0 100',
    ])
    expect(written(blkio, 'unified', weight, group({ 'io.weight': '' }))).toEqual([
      `io.weight=default ${toIoWeight(500)}`,
      `io.weight=8:0 ${toIoWeight(100)}`,
    ])
    expect(() => written(blkio, 'unified', weight, group({ 'io.max': '' }))).toThrow(Unavailable)
    expect([toIoWeight(10), toIoWeight(1000)]).toEqual([1, 10_000])
  })
  test('devices that are none', () => {
    expect(deviceNumber('259:3')).toBe('259:3')
    expect(() => deviceNumber('/dev/nope')).toThrow('stat /dev/nope: no such file or directory')
    expect(() => deviceNumber('/dev/null')).toThrow('not a block device')
  })
  test('statistics', () => {
    expect(parseLegacyEntries('8:0 Read 4096\n8:0 Total 4096\nTotal 4096')).toEqual([
      { major: 8, minor: 0, op: 'Read', value: 4096 },
      { major: 8, minor: 0, op: 'Total', value: 4096 },
    ])
    const text = '8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:0 \n'
    expect(parseIoStat(text, { rbytes: 'read', wbytes: 'write' })).toEqual([
      { major: 8, minor: 16, op: 'read', value: 1 },
      { major: 8, minor: 16, op: 'write', value: 2 },
    ])
  })
})

test('huge pages', () => {
  const hugepages = [{ pageSize: '2MB', limitBytes: 4 * 2 ** 20 }]
  expect(written(hugetlb, 'legacy', { hugepages })).toEqual(['hugetlb.2MB.limit_in_bytes=4194304'])
  expect(written(hugetlb, 'unified', { hugepages })).toEqual(['hugetlb.2MB.max=4194304'])
  expect([64, 2048, 1_048_576].map(pageSizeName)).toEqual(['64KB', '2MB', '1GB'])
})

test('pressure', () => {
  const some = 'some avg10=1.50 avg60=0.28 avg300=0.00 total=10709953'
  expect(parsePressure(some)).toEqual({
    some: { avg10: 1.5, avg60: 0.28, avg300: 0, totalUs: 10_709_953 },
    // The CPU has no such line before 5.13.
    full: { avg10: 0, avg60: 0, avg300: 0, totalUs: 0 },
  })
})
