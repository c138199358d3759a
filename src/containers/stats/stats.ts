/** What a container uses at this moment: its cgroup's and its network interfaces' counters. `docker stats`. */

import type { CgroupStats } from '../../cgroups/types.ts'
import type { InterfaceCounters } from '../../networks/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'

/** Docker takes one sample a second. */
const INTERVAL_MS = 1_000

export interface StatsSample {
  id: string
  name: string
  /** null while the container does not run: every counter is then nothing. */
  cgroup: CgroupStats | null
  /** By interface, 'eth0'. */
  networks: Record<string, InterfaceCounters>
}

export interface StatsReading {
  current: StatsSample
  /** The one before, for percentages; null if there is none. */
  previous: StatsSample | null
}

export interface ContainerStats {
  /** A reading every second, until the container is removed or the reader has had enough. */
  stream(ref: string): AsyncGenerator<StatsReading>
  /** One reading: at once and without a previous one (`oneShot`), or with two samples a second apart. */
  once(ref: string, options: { oneShot: boolean }): Promise<StatsReading>
}

export class Stats implements ContainerStats {
  constructor(private readonly context: Context) {}

  async *stream(ref: string): AsyncGenerator<StatsReading> {
    const container = this.context.find(ref)
    let previous: StatsSample | null = null
    while (this.context.containers.has(container.id)) {
      const current = await this.sample(container)
      yield { current, previous }
      previous = current
      await pause(INTERVAL_MS)
    }
  }

  async once(ref: string, { oneShot }: { oneShot: boolean }): Promise<StatsReading> {
    const container = this.context.find(ref)
    const first = await this.sample(container)
    if (oneShot || !first.cgroup) return { current: first, previous: null }
    await pause(INTERVAL_MS)
    return { current: await this.sample(container), previous: first }
  }

  private async sample(container: LiveContainer): Promise<StatsSample> {
    const { id, config, process } = container
    const idle: StatsSample = { id, name: config.name, cgroup: null, networks: {} }
    if (!process) return idle
    const [cgroup, networks] = await Promise.all([
      process.cgroup.stats(),
      this.networks(container, process.handle.started.pid),
    ])
    // It may have ended meanwhile: what its files said then is nothing to show.
    return container.process === process ? { ...idle, cgroup, networks } : idle
  }

  private async networks({ config }: LiveContainer, pid: number): Promise<Record<string, InterfaceCounters>> {
    const { networkMode } = config.hostConfig
    // With the host's or another container's network the counters are not this container's own.
    if (!this.context.rooms.networks || networkMode === 'host' || networkMode.startsWith('container:')) return {}
    return this.context.rooms.networks.counters(pid).catch(() => ({}))
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms).unref())
