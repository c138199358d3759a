/** The figures that people read, from the counters that the API streams. */

interface CpuStats {
  cpu_usage: { total_usage: number; percpu_usage?: number[] | null }
  system_cpu_usage?: number
  online_cpus?: number
}

export interface StatsMessage {
  id?: string
  name?: string
  cpu_stats: CpuStats
  precpu_stats: CpuStats
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> | null }
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }> | null
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null } | null
  pids_stats?: { current?: number } | null
}

export interface Sample {
  /** As it was asked for. */
  readonly container: string
  readonly id: string
  readonly name: string
  readonly cpuPercent: number
  readonly memory: number
  readonly memoryLimit: number
  readonly memoryPercent: number
  readonly received: number
  readonly sent: number
  readonly read: number
  readonly written: number
  readonly pids: number
}

export function sampleOf(container: string, message: StatsMessage): Sample {
  const memory = withoutCache(message.memory_stats)
  const memoryLimit = message.memory_stats.limit ?? 0
  const networks = Object.values(message.networks ?? {})
  const blocks = message.blkio_stats?.io_service_bytes_recursive ?? []
  const moved = (op: string) => sum(blocks.filter(entry => entry.op.toLowerCase() === op).map(({ value }) => value))
  return {
    container,
    id: message.id ?? '',
    name: (message.name ?? '').replace(/^\//, ''),
    cpuPercent: cpuPercent(message.cpu_stats, message.precpu_stats),
    memory,
    memoryLimit,
    memoryPercent: memoryLimit > 0 ? (memory / memoryLimit) * 100 : 0,
    received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
    read: moved('read'),
    written: moved('write'),
    pids: message.pids_stats?.current ?? 0,
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** Of one CPU: two that are busy are 200 %. */
function cpuPercent(now: CpuStats, before: CpuStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0)
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0
}

/** Page cache that the kernel gives back at once is not counted: total_inactive_file in cgroup v1, inactive_file in v2. */
function withoutCache({ usage = 0, stats }: StatsMessage['memory_stats']): number {
  const cache = stats?.total_inactive_file ?? stats?.inactive_file ?? 0
  return cache < usage ? usage - cache : usage
}
