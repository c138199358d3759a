/**
 * Block devices: shares and throttles. Kernel: cgroup-v1/blkio-controller.rst, block/bfq-iosched.rst; cgroup-v2.rst, "IO".
 * Which weight counts depends on the device's scheduler: BFQ has its own files, the others go by the cost model (`io.weight`).
 */

import { statSync } from 'node:fs'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import type { GroupFiles } from '../files.ts'
import { type Assignment, type ControllerFiles, type ControllerModule, type GroupState, isSet } from '../setting.ts'
import type { BlkioEntry, CgroupStats, DeviceValue, Resources } from '../types.ts'

/** dev_t as the kernel writes it: `8:0`. Takes a path or the number itself. */
export function deviceNumber(device: string): string {
  if (/^\d+:\d+$/.test(device)) return device
  const stat = statSync(device, { bigint: true, throwIfNoEntry: false })
  if (!stat) throw new InvalidParameter(`stat ${device}: no such file or directory`)
  if (!stat.isBlockDevice()) throw new InvalidParameter(`${device}: not a block device`)
  const { rdev } = stat
  // makedev(3): the low 8 bits of the minor number, 12 of the major, and the rest of both above.
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

// Resource, v1's file, v2's key in io.max.
const THROTTLES = [
  ['blkioDeviceReadBps', 'blkio.throttle.read_bps_device', 'rbps', 'bytes read per second'],
  ['blkioDeviceWriteBps', 'blkio.throttle.write_bps_device', 'wbps', 'bytes written per second'],
  ['blkioDeviceReadIops', 'blkio.throttle.read_iops_device', 'riops', 'reads per second'],
  ['blkioDeviceWriteIops', 'blkio.throttle.write_iops_device', 'wiops', 'writes per second'],
] as const

const firstOf = (group: GroupState, files: string[]): string | undefined => files.find(file => group.has(file))

const legacy: ControllerFiles = {
  settings(resources, group) {
    const settings = legacyWeights(resources, group)
    for (const [resource, file, , why] of THROTTLES) {
      for (const { device, value } of resources[resource] ?? []) {
        settings.push({ file, value: `${deviceNumber(device)} ${value}`, why })
      }
    }
    return settings
  },
}

function legacyWeights({ blkioWeight, blkioWeightDevice = [] }: Resources, group: GroupState): Assignment[] {
  const settings: Assignment[] = []
  if (isSet(blkioWeight)) {
    const file = firstOf(group, ['blkio.weight', 'blkio.bfq.weight'])
    if (!file)
      throw new Unavailable('a weight for block devices: this kernel has neither blkio.weight nor blkio.bfq.weight')
    settings.push({ file, value: String(blkioWeight), why: 'part of the device time while others want it too' })
  }
  if (blkioWeightDevice.length > 0) {
    const file = firstOf(group, ['blkio.weight_device', 'blkio.bfq.weight_device'])
    if (!file) throw new Unavailable('a weight for one block device: this kernel has no blkio.weight_device')
    settings.push(...perDevice(file, blkioWeightDevice, value => value))
  }
  return settings
}

const perDevice = (file: string, values: DeviceValue[], convert: (value: number) => number): Assignment[] =>
  values.map(({ device, value }) => ({
    file,
    value: `${deviceNumber(device)} ${convert(value)}`,
    why: 'part of this device’s time while others want it too',
  }))

const unified: ControllerFiles = {
  settings: (resources, group) => [...unifiedWeights(resources, group), ...unifiedThrottles(resources)],
}

/** v1's 10 to 1000 onto v2's 1 to 10000, as the OCI runtimes do. */
export const toIoWeight = (weight: number): number => Math.floor(1 + ((weight - 10) * 9999) / 990)

/** Both files where there are both: which one counts is the scheduler's business, device by device. */
function unifiedWeights({ blkioWeight, blkioWeightDevice = [] }: Resources, group: GroupState): Assignment[] {
  if (!isSet(blkioWeight) && blkioWeightDevice.length === 0) return []
  const settings: Assignment[] = []
  for (const [file, convert] of [
    ['io.bfq.weight', (weight: number) => weight],
    ['io.weight', toIoWeight],
  ] as const) {
    if (!group.has(file)) continue
    if (isSet(blkioWeight)) {
      const value = `default ${convert(blkioWeight)}`
      settings.push({ file, value, why: 'part of the device time while others want it too' })
    }
    settings.push(...perDevice(file, blkioWeightDevice, convert))
  }
  if (settings.length === 0) {
    throw new Unavailable('a weight for block devices: this kernel has neither io.weight nor io.bfq.weight')
  }
  return settings
}

function unifiedThrottles(resources: Resources): Assignment[] {
  const byDevice = new Map<string, string[]>()
  for (const [resource, , key] of THROTTLES) {
    for (const { device, value } of resources[resource] ?? []) {
      const number = deviceNumber(device)
      const limits = byDevice.get(number) ?? []
      limits.push(`${key}=${value === 0 ? 'max' : value}`)
      byDevice.set(number, limits)
    }
  }
  return [...byDevice].map(([number, limits]) => ({
    file: 'io.max',
    value: `${number} ${limits.join(' ')}`,
    why: 'bytes and operations per second, reads and writes',
  }))
}

export const blkio: ControllerModule = {
  controller: 'blkio',
  asked(resources) {
    if (isSet(resources.blkioWeight) || resources.blkioWeightDevice?.length) return 'a weight for block devices'
    return THROTTLES.some(([resource]) => resources[resource]?.length) ? 'a limit on block devices' : null
  },
  legacy,
  unified,
}

// BFQ counts what goes through it and the throttle what goes past it: a kernel without BFQ has the second only.
const LEGACY_SERVICE_BYTES = ['blkio.throttle.io_service_bytes_recursive', 'blkio.bfq.io_service_bytes_recursive']
const LEGACY_SERVICED = ['blkio.throttle.io_serviced_recursive', 'blkio.bfq.io_serviced_recursive']

export function legacyBlkioStats(group: GroupFiles): CgroupStats['blkio'] {
  return {
    serviceBytes: firstEntries(group, LEGACY_SERVICE_BYTES),
    serviced: firstEntries(group, LEGACY_SERVICED),
  }
}

function firstEntries(group: GroupFiles, files: string[]): BlkioEntry[] {
  for (const file of files) {
    const entries = parseLegacyEntries(group.read(file) ?? '')
    if (entries.length > 0) return entries
  }
  return []
}

/** `8:0 Read 4096`, and at the end `Total 4096`, which belongs to no device. */
export function parseLegacyEntries(text: string): BlkioEntry[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, op = '', value]) => ({
    major: Number(major),
    minor: Number(minor),
    op,
    value: Number(value),
  }))
}

export function unifiedBlkioStats(group: GroupFiles): CgroupStats['blkio'] {
  const text = group.read('io.stat')
  if (text === null) return null
  return {
    serviceBytes: parseIoStat(text, { rbytes: 'read', wbytes: 'write', dbytes: 'discard' }),
    serviced: parseIoStat(text, { rios: 'read', wios: 'write', dios: 'discard' }),
  }
}

/** `8:0 rbytes=1 wbytes=2 rios=3 …`; `ops` says which keys are wanted, and under which name. */
export function parseIoStat(text: string, ops: Record<string, string>): BlkioEntry[] {
  const entries: BlkioEntry[] = []
  for (const line of text.split('\n')) {
    const [number = '', ...pairs] = line.split(' ')
    const [major, minor] = number.split(':').map(Number)
    if (major === undefined || minor === undefined) continue
    for (const pair of pairs) {
      const [key = '', value] = pair.split('=')
      const op = ops[key]
      if (op) entries.push({ major, minor, op, value: Number(value) })
    }
  }
  return entries
}
