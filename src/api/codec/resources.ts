/** Limits: the part of HostConfig that an update may change, too. Engine API reference, "Resources". */

import type { DeviceValue, Resources } from '../../cgroups/types.ts'
import type { RestartPolicy } from '../../containers/types.ts'
import { bool, int, int64, list, nullable, optional, text, uint16, uint64, undefinable, word } from './schema.ts'
import { field, inline, internal, omitEmpty, Struct } from './struct.ts'

const weight = new Struct<DeviceValue>('blkiodev.WeightDevice', {
  device: field('Path', text),
  value: field('Weight', uint16),
})
const rate = new Struct<DeviceValue>('blkiodev.ThrottleDevice', {
  device: field('Path', text),
  value: field('Rate', uint64),
})
const weights = optional(list(weight, '[]*blkiodev.WeightDevice', []))
const rates = optional(list(rate, '[]*blkiodev.ThrottleDevice', []))

export const resources = new Struct<Resources>('container.Resources', {
  cpuShares: field('CpuShares', optional(int64)),
  memoryBytes: field('Memory', optional(int64)),
  nanoCpus: field('NanoCpus', optional(int64)),
  blkioWeight: field('BlkioWeight', optional(uint16)),
  blkioWeightDevice: field('BlkioWeightDevice', weights),
  blkioDeviceReadBps: field('BlkioDeviceReadBps', rates),
  blkioDeviceWriteBps: field('BlkioDeviceWriteBps', rates),
  blkioDeviceReadIops: field('BlkioDeviceReadIOps', rates),
  blkioDeviceWriteIops: field('BlkioDeviceWriteIOps', rates),
  cpuPeriodUs: field('CpuPeriod', optional(int64)),
  cpuQuotaUs: field('CpuQuota', optional(int64)),
  cpuRealtimePeriodUs: field('CpuRealtimePeriod', optional(int64)),
  cpuRealtimeRuntimeUs: field('CpuRealtimeRuntime', optional(int64)),
  cpusetCpus: field('CpusetCpus', optional(text)),
  cpusetMems: field('CpusetMems', optional(text)),
  kernelMemoryBytes: omitEmpty('KernelMemory', optional(int64)),
  memoryReservationBytes: field('MemoryReservation', optional(int64)),
  memorySwapBytes: field('MemorySwap', optional(int64)),
  memorySwappiness: field('MemorySwappiness', undefinable(int64)),
  oomKillDisable: field('OomKillDisable', optional(bool)),
  pidsLimit: field('PidsLimit', undefinable(int64)),
  devices: internal(undefined),
  hugepages: internal(undefined),
})

export const restartPolicy = new Struct<RestartPolicy>('container.RestartPolicy', {
  name: field('Name', word<RestartPolicy['name']>('string')),
  maximumRetryCount: field('MaximumRetryCount', int),
})

export const updateBody = new Struct<{ resources: Resources; restartPolicy: RestartPolicy | null }>(
  'container.UpdateConfig',
  { resources: inline(resources), restartPolicy: field('RestartPolicy', nullable(restartPolicy)) },
)
