/**
 * Shares and quota of CPU time. Kernel: scheduler/sched-bwc.rst, scheduler/sched-rt-group.rst, cgroup-v1/cpuacct.rst;
 * cgroup-v2.rst, "CPU Interface Files".
 */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import { type GroupFiles, parseKeyed } from '../files.ts'
import { type Assignment, type ControllerFiles, type ControllerModule, type GroupState, isSet } from '../setting.ts'
import type { CgroupStats, Resources } from '../types.ts'

const DEFAULT_PERIOD_US = 100_000
const MIN_SHARES = 2
const MAX_SHARES = 262_144

/** Quota and period as asked for, undefined where nothing is said. `--cpus 1.5` is 150 ms of every 100 ms. */
export function bandwidth({ nanoCpus, cpuQuotaUs, cpuPeriodUs }: Resources): { quotaUs?: number; periodUs?: number } {
  if (isSet(nanoCpus)) {
    return { quotaUs: Math.floor((nanoCpus * DEFAULT_PERIOD_US) / 1e9), periodUs: DEFAULT_PERIOD_US }
  }
  return {
    ...(isSet(cpuQuotaUs) && { quotaUs: cpuQuotaUs }),
    ...(isSet(cpuPeriodUs) && { periodUs: cpuPeriodUs }),
  }
}

/**
 * v1 shares (2 to 262144, default 1024) as v2 weight (1 to 10000, default 100): the parabola through these three points on
 * logarithmic scales, as the OCI runtimes have it since 2025 (opencontainers/cgroups, crun.1).
 */
export function sharesToWeight(shares: number): number {
  if (shares <= MIN_SHARES) return 1
  if (shares >= MAX_SHARES) return 10_000
  const log = Math.log2(shares)
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))
}

function checkedShares({ cpuShares }: Resources): number | undefined {
  if (!isSet(cpuShares)) return undefined
  // The v1 kernel would clamp in silence.
  if (cpuShares < MIN_SHARES) throw new InvalidParameter(`the minimum allowed cpu-shares is ${MIN_SHARES}`)
  if (cpuShares > MAX_SHARES) throw new InvalidParameter(`the maximum allowed cpu-shares is ${MAX_SHARES}`)
  return cpuShares
}

const legacy: ControllerFiles = {
  settings(resources, group) {
    const settings: Assignment[] = []
    const shares = checkedShares(resources)
    if (shares)
      settings.push({ file: 'cpu.shares', value: String(shares), why: 'part of the CPU time while others want it too' })
    const { cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = resources
    if (isSet(cpuRealtimePeriodUs)) {
      settings.push({
        file: 'cpu.rt_period_us',
        value: String(cpuRealtimePeriodUs),
        why: 'the period of realtime tasks',
      })
    }
    if (isSet(cpuRealtimeRuntimeUs)) {
      settings.push({
        file: 'cpu.rt_runtime_us',
        value: String(cpuRealtimeRuntimeUs),
        why: 'realtime tasks run this long in each',
      })
    }
    return [...settings, ...legacyBandwidth(resources, group)]
  },
}

/** v1 has quota and period in two files; between the writes the group must not be allowed more than before or after. */
function legacyBandwidth(resources: Resources, group: GroupState): Assignment[] {
  const { quotaUs, periodUs } = bandwidth(resources)
  const settings: Assignment[] = []
  if (periodUs !== undefined) {
    settings.push({ file: 'cpu.cfs_period_us', value: String(periodUs), why: 'the period that the quota is for' })
  }
  if (quotaUs !== undefined) {
    const quota = { file: 'cpu.cfs_quota_us', value: String(quotaUs), why: 'CPU time in each period' }
    const shrinks = periodUs !== undefined && periodUs < (group.number('cpu.cfs_period_us') ?? DEFAULT_PERIOD_US)
    if (shrinks) settings.unshift(quota)
    else settings.push(quota)
  }
  return settings
}

const unified: ControllerFiles = {
  settings(resources, group) {
    if (isSet(resources.cpuRealtimePeriodUs) || isSet(resources.cpuRealtimeRuntimeUs)) {
      throw new Unavailable('realtime CPU time: cgroup v2 does not have it')
    }
    const settings: Assignment[] = []
    const shares = checkedShares(resources)
    if (shares) {
      const value = String(sharesToWeight(shares))
      settings.push({
        file: 'cpu.weight',
        value,
        why: `part of the CPU time while others want it too: ${shares} shares`,
      })
    }
    const { quotaUs, periodUs } = bandwidth(resources)
    if (quotaUs !== undefined || periodUs !== undefined) {
      const [presentQuota = 'max', presentPeriod = DEFAULT_PERIOD_US] = group.read('cpu.max')?.split(' ') ?? []
      const quota = quotaUs === undefined ? presentQuota : quotaUs < 0 ? 'max' : quotaUs
      const value = `${quota} ${periodUs ?? presentPeriod}`
      settings.push({ file: 'cpu.max', value, why: 'CPU time in each period, both in microseconds' })
    }
    return settings
  },
}

export const cpu: ControllerModule = {
  controller: 'cpu',
  asked(resources) {
    const { nanoCpus, cpuQuotaUs, cpuPeriodUs, cpuShares, cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = resources
    if (isSet(nanoCpus) || isSet(cpuQuotaUs) || isSet(cpuPeriodUs)) return 'a limit on CPU time'
    if (isSet(cpuShares)) return 'a share of CPU time'
    return isSet(cpuRealtimePeriodUs) || isSet(cpuRealtimeRuntimeUs) ? 'realtime CPU time' : null
  },
  legacy,
  unified,
}

// The unit of cpuacct.stat and /proc/stat for user space, whatever the kernel's own HZ is: USER_HZ is 100 on all of Linux's
// architectures that skiff runs on.
const NS_PER_TICK = 10_000_000

/** `cpu` counts throttling, `cpuacct` the time; on some hosts they are one hierarchy. Either may be missing. */
export function legacyCpuStats(cpuGroup: GroupFiles | null, cpuacct: GroupFiles | null): CgroupStats['cpu'] {
  const total = cpuacct?.number('cpuacct.usage') ?? null
  if (total === null && cpuGroup === null) return null
  const modes = parseKeyed(cpuacct?.read('cpuacct.stat') ?? '')
  const throttling = parseKeyed(cpuGroup?.read('cpu.stat') ?? '')
  const perCpu = cpuacct?.read('cpuacct.usage_percpu')
  return {
    totalNs: total ?? 0,
    kernelNs: (modes.system ?? 0) * NS_PER_TICK,
    userNs: (modes.user ?? 0) * NS_PER_TICK,
    perCpuNs: perCpu ? perCpu.split(' ').map(Number) : [],
    ...machineCpu(),
    periods: throttling.nr_periods ?? 0,
    throttledPeriods: throttling.nr_throttled ?? 0,
    throttledNs: throttling.throttled_time ?? 0,
  }
}

export function unifiedCpuStats(group: GroupFiles): CgroupStats['cpu'] {
  const stat = group.keyed('cpu.stat')
  if (stat === null) return null
  return {
    totalNs: (stat.usage_usec ?? 0) * 1000,
    kernelNs: (stat.system_usec ?? 0) * 1000,
    userNs: (stat.user_usec ?? 0) * 1000,
    perCpuNs: [],
    ...machineCpu(),
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledNs: (stat.throttled_usec ?? 0) * 1000,
  }
}

/** proc_stat(5): the first line has user, nice, system, idle, iowait, irq, softirq, steal; guest is part of user already. */
function machineCpu(): { systemNs: number; onlineCpus: number } {
  const text = readFileSync('/proc/stat', 'utf8')
  const fields = text.slice(0, text.indexOf('\n')).split(/ +/).slice(1, 9)
  const ticks = fields.reduce((sum, field) => sum + Number(field), 0)
  const onlineCpus = text.match(/^cpu\d+ /gm)?.length ?? availableParallelism()
  return { systemNs: ticks * NS_PER_TICK, onlineCpus }
}
