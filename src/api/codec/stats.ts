/** What a container uses. Engine API reference, "ContainerStats". */

import type { BlkioEntry, CgroupStats } from '../../cgroups/types.ts'
import type { StatsReading, StatsSample } from '../../containers/stats/stats.ts'
import type { InterfaceCounters } from '../../networks/types.ts'
import { NEVER } from './container-state.ts'

const encodeCpu = (cpu: CgroupStats['cpu'] | undefined) => ({
  cpu_usage: {
    total_usage: cpu?.totalNs ?? 0,
    ...(cpu && cpu.perCpuNs.length > 0 && { percpu_usage: cpu.perCpuNs }),
    usage_in_kernelmode: cpu?.kernelNs ?? 0,
    usage_in_usermode: cpu?.userNs ?? 0,
  },
  ...(cpu && { system_cpu_usage: cpu.systemNs, online_cpus: cpu.onlineCpus }),
  throttling_data: {
    periods: cpu?.periods ?? 0,
    throttled_periods: cpu?.throttledPeriods ?? 0,
    throttled_time: cpu?.throttledNs ?? 0,
  },
})

const encodeMemory = (memory: CgroupStats['memory'] | undefined) =>
  memory
    ? {
        usage: memory.usageBytes,
        ...(memory.maxUsageBytes !== null && { max_usage: memory.maxUsageBytes }),
        stats: memory.detail,
        ...(memory.failCount > 0 && { failcnt: memory.failCount }),
        limit: memory.limitBytes,
      }
    : {}

const encodeEntries = (entries: BlkioEntry[]) =>
  entries.map(({ major, minor, op, value }) => ({ major, minor, op, value }))

/** The lists that stay empty are those of a scheduler that kernels no longer have. */
const encodeBlkio = (blkio: CgroupStats['blkio'] | undefined) => ({
  io_service_bytes_recursive: encodeEntries(blkio?.serviceBytes ?? []),
  io_serviced_recursive: encodeEntries(blkio?.serviced ?? []),
  io_queue_recursive: [],
  io_service_time_recursive: [],
  io_wait_time_recursive: [],
  io_merged_recursive: [],
  io_time_recursive: [],
  sectors_recursive: [],
})

const encodePids = (pids: CgroupStats['pids'] | undefined) =>
  pids ? { current: pids.current, ...(pids.limit !== null && { limit: pids.limit }) } : {}

const encodeCounters = (counters: InterfaceCounters) => ({
  rx_bytes: counters.rxBytes,
  rx_packets: counters.rxPackets,
  rx_errors: counters.rxErrors,
  rx_dropped: counters.rxDropped,
  tx_bytes: counters.txBytes,
  tx_packets: counters.txPackets,
  tx_errors: counters.txErrors,
  tx_dropped: counters.txDropped,
})

const encodeNetworks = ({ networks }: StatsSample) =>
  Object.keys(networks).length > 0
    ? { networks: Object.fromEntries(Object.entries(networks).map(([name, value]) => [name, encodeCounters(value)])) }
    : {}

export function encodeStats({ current, previous }: StatsReading) {
  const { cgroup } = current
  return {
    read: cgroup?.readAt.toISOString() ?? NEVER,
    preread: previous?.cgroup?.readAt.toISOString() ?? NEVER,
    pids_stats: encodePids(cgroup?.pids),
    blkio_stats: encodeBlkio(cgroup?.blkio),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: encodeCpu(cgroup?.cpu),
    precpu_stats: encodeCpu(previous?.cgroup?.cpu),
    memory_stats: encodeMemory(cgroup?.memory),
    name: `/${current.name}`,
    id: current.id,
    ...encodeNetworks(current),
  }
}
