/**
 * Limits that make no sense, in Docker's words; and those that this host cannot give, which are discarded with a warning, as
 * Docker does. Both at create and at update.
 */

import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { CgroupSupport, Resources } from '../../cgroups/types.ts'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'

const MIN_MEMORY = 6 * 1024 * 1024

export interface CheckedResources {
  resources: Resources
  warnings: string[]
}

/** @throws InvalidParameter. The result has what is left after discarding what the host does not support. */
export function checkResources(given: Resources, supports: CgroupSupport): CheckedResources {
  const resources = { ...given }
  const warnings: string[] = []
  checkMemory(resources, supports, warnings)
  checkCpu(resources, supports, warnings)
  checkCpuset(resources, supports, warnings)
  checkBlkio(resources, supports, warnings)
  if (resources.pidsLimit && !supports.pidsLimit) {
    warnings.push(
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
    )
    delete resources.pidsLimit
  }
  return { resources, warnings }
}

function checkMemory(resources: Resources, supports: CgroupSupport, warnings: string[]): void {
  const limit = resources.memoryBytes ?? 0
  const reservation = resources.memoryReservationBytes ?? 0
  const swappiness = resources.memorySwappiness ?? -1
  // -1 is Docker's "no limit" in an update.
  if (limit !== 0 && limit !== -1 && limit < MIN_MEMORY)
    throw new InvalidParameter('Minimum memory limit allowed is 6MB')
  if (limit > 0 && !supports.memoryLimit) {
    warnings.push(
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    )
    delete resources.memoryBytes
    delete resources.memorySwapBytes
  }
  checkSwap(resources, supports, warnings)
  checkKernelMemory(resources, warnings)
  if (swappiness < -1 || swappiness > 100) {
    throw new InvalidParameter(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`)
  }
  if (swappiness >= 0 && !supports.memorySwappiness) {
    warnings.push(
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    )
    delete resources.memorySwappiness
  }
  if (reservation > 0 && reservation < MIN_MEMORY) {
    throw new InvalidParameter('Minimum memory reservation allowed is 6MB')
  }
  if (reservation > 0 && limit > 0 && limit < reservation) {
    throw new InvalidParameter('Minimum memory limit can not be less than memory reservation limit, see usage')
  }
  if (reservation > 0 && !supports.memoryReservation) {
    warnings.push(
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    )
    delete resources.memoryReservationBytes
  }
  if (resources.oomKillDisable && !supports.oomKillDisable) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.')
    delete resources.oomKillDisable
  }
  if (resources.oomKillDisable && limit === 0) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    )
  }
}

function checkSwap(resources: Resources, supports: CgroupSupport, warnings: string[]): void {
  const limit = resources.memoryBytes ?? 0
  const swap = resources.memorySwapBytes ?? 0
  if (limit > 0 && swap > 0 && swap < limit) {
    throw new InvalidParameter('Minimum memoryswap limit should be larger than memory limit, see usage')
  }
  if (limit === 0 && swap > 0) {
    throw new InvalidParameter('You should always set the Memory limit when using Memoryswap limit, see usage')
  }
  if (limit > 0 && swap !== -1 && !supports.swapLimit) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    )
    resources.memorySwapBytes = -1
  }
}

/** memory.kmem.limit_in_bytes: deprecated in Linux 5.4, refuses to be written since 5.16, and v2 never had it. */
function checkKernelMemory(resources: Resources, warnings: string[]): void {
  const limit = resources.kernelMemoryBytes ?? 0
  if (limit > 0 && limit < MIN_MEMORY) throw new InvalidParameter('Minimum kernel memory limit allowed is 6MB')
  if (limit !== 0) {
    warnings.push(
      'Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    )
  }
  delete resources.kernelMemoryBytes
}

function checkCpu(resources: Resources, supports: CgroupSupport, warnings: string[]): void {
  const { nanoCpus = 0, cpuPeriodUs = 0, cpuQuotaUs = 0, cpuShares = 0 } = resources
  if (nanoCpus !== 0 && cpuPeriodUs > 0) {
    throw new InvalidParameter('Conflicting options: Nano CPUs and CPU Period cannot both be set')
  }
  if (nanoCpus !== 0 && cpuQuotaUs > 0) {
    throw new InvalidParameter('Conflicting options: Nano CPUs and CPU Quota cannot both be set')
  }
  // To count them the kernel lists all that it knows of each.
  const count = nanoCpus === 0 ? 0 : cpus().length
  if (nanoCpus < 0 || nanoCpus > count * 1e9 || (nanoCpus > 0 && nanoCpus < 1e7)) {
    throw new InvalidParameter(`Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`)
  }
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000)) {
    throw new InvalidParameter('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)')
  }
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1000) {
    throw new InvalidParameter('CPU cfs quota can not be less than 1ms (i.e. 1000)')
  }
  if (cpuShares < 0) throw new InvalidParameter(`invalid CPU shares (${cpuShares}): value must be a positive integer`)
  // The kernel takes 2 to 262144; Docker moves what lies beyond to the nearest.
  if (cpuShares > 0) resources.cpuShares = Math.min(Math.max(cpuShares, 2), 262_144)
  if (cpuShares > 0 && !supports.cpuShares) {
    warnings.push('Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.')
    delete resources.cpuShares
  }
  if ((cpuQuotaUs > 0 || cpuPeriodUs > 0 || nanoCpus > 0) && !supports.cpuCfsQuota) {
    warnings.push('Your kernel does not support CPU CFS quota or the cgroup is not mounted. Quota discarded.')
    delete resources.cpuQuotaUs
    delete resources.cpuPeriodUs
    delete resources.nanoCpus
  }
  if ((resources.cpuRealtimePeriodUs || resources.cpuRealtimeRuntimeUs) && !supports.cpuRealtime) {
    throw new InvalidParameter('Your kernel does not support CPU real-time scheduler')
  }
}

function checkCpuset(resources: Resources, supports: CgroupSupport, warnings: string[]): void {
  const { cpusetCpus = '', cpusetMems = '' } = resources
  if ((cpusetCpus !== '' || cpusetMems !== '') && !supports.cpuSet) {
    warnings.push('Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.')
    delete resources.cpusetCpus
    delete resources.cpusetMems
    return
  }
  parseSet('cpus', cpusetCpus)
  parseSet('mems', cpusetMems)
}

/** @throws InvalidParameter if it is no list of numbers and ranges. Whether the machine has them, the kernel says. */
function parseSet(which: 'cpus' | 'mems', text: string): void {
  if (text === '') return
  const wellFormed = text.split(',').every(part => {
    const [, low, high] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? []
    return low !== undefined && (high === undefined || Number(low) <= Number(high))
  })
  if (!wellFormed) throw new InvalidParameter(`Invalid value ${text} for cpuset ${which}: invalid format: ${text}`)
  const available = which === 'cpus' ? `0-${cpus().length - 1}` : memoryNodes()
  const highest = Math.max(...text.split(/[,-]/).map(Number))
  if (highest > Math.max(...available.split(/[,-]/).map(Number))) {
    const what = which === 'cpus' ? 'CPUs' : 'memory nodes'
    throw new InvalidParameter(`Requested ${what} are not available - requested ${text}, available: ${available}`)
  }
}

/** As the kernel lists them: `0`, `0-1`. A machine without NUMA has no such file, and one node. */
function memoryNodes(): string {
  try {
    return readFileSync('/sys/devices/system/node/online', 'utf8').trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '0'
    throw error
  }
}

function checkBlkio(resources: Resources, supports: CgroupSupport, warnings: string[]): void {
  const { blkioWeight = 0 } = resources
  if (blkioWeight > 0 && (blkioWeight < 10 || blkioWeight > 1000)) {
    throw new InvalidParameter('Range of blkio weight is from 10 to 1000')
  }
  if (blkioWeight > 0 && !supports.blkioWeight) {
    warnings.push('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.')
    delete resources.blkioWeight
  }
  if ((resources.blkioWeightDevice?.length ?? 0) > 0 && !supports.blkioWeightDevice) {
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    )
    delete resources.blkioWeightDevice
  }
  const throttles = [
    ['blkioDeviceReadBps', 'BPS Block I/O read limit'],
    ['blkioDeviceWriteBps', 'BPS Block I/O write limit'],
    ['blkioDeviceReadIops', 'IOPS Block read limit'],
    ['blkioDeviceWriteIops', 'IOPS Block I/O write limit'],
  ] as const
  for (const [key, label] of throttles) {
    if ((resources[key]?.length ?? 0) === 0 || supports.blkioThrottle) continue
    warnings.push(`Your kernel does not support ${label} or the cgroup is not mounted. ${label} discarded.`)
    delete resources[key]
  }
}
