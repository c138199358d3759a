/** Many idle containers in skiff, each with a network namespace of its own on one of some bridges; and what they are and leave. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from './client.ts'
import { remove, start } from './containers.ts'
import type { Daemon } from './daemon.ts'
import { inParallel } from './in-parallel.ts'
import { cgroups, entries } from './machine.ts'

/** A bridge has 1,023 ports at most, and a /24 would have fewer addresses. */
const PER_NETWORK = 500
const CLIENTS = 8

export interface Weight {
  /** PSS in kB (proc_pid_smaps(5)): of the daemon, and of the processes that stay beside the containers, all together. */
  daemonKb: number
  shimsKb: number
  shims: number
}

export class Crowd {
  readonly #networks: string[] = []

  constructor(
    private readonly skiff: Daemon,
    readonly count: number,
  ) {}

  /** User-defined networks: with names, as compose projects have them. */
  async makeNetworks(): Promise<void> {
    for (let number = 0; number < Math.ceil(this.count / PER_NETWORK); number++) {
      const name = `crowd${number}`
      await this.skiff.api.post('/networks/create', { Name: name })
      this.#networks.push(name)
    }
  }

  start(): Promise<void> {
    return inParallel(this.count, CLIENTS, number =>
      start(
        this.skiff,
        {
          Image: 'busybox',
          Cmd: ['sleep', '100000'],
          StopSignal: 'SIGKILL',
          Labels: { number: String(number) },
          HostConfig: { NetworkMode: this.#networks[number % this.#networks.length] },
        },
        `crowd-${number}`,
      ),
    )
  }

  remove(): Promise<void> {
    return inParallel(this.count, CLIENTS, number => remove(this.skiff, `crowd-${number}`))
  }

  list = (filters: object = {}): Promise<Json[]> => this.skiff.api.get('/containers/json', { filters })

  /** network/address of each that runs. */
  async addresses(): Promise<string[]> {
    const found: string[] = []
    for (const { NetworkSettings } of await this.list())
      for (const [name, { IPAddress }] of Object.entries<Json>(NetworkSettings.Networks))
        found.push(`${name}/${IPAddress}`)
    return found
  }

  async weigh(): Promise<Weight> {
    const weight: Weight = { daemonKb: await pssKb(await this.skiff.daemonPid()), shimsKb: 0, shims: 0 }
    const folder = join(this.skiff.execRoot, 'containers')
    for (const id of await entries(folder)) {
      const record = JSON.parse(await readFile(join(folder, id, 'started.json'), 'utf8')) as { shimPid: number }
      weight.shimsKb += await pssKb(record.shimPid)
      weight.shims++
    }
    return weight
  }

  /** What there still is of them: their records, shims' folders, cgroups, and links on the bridges. */
  async left(): Promise<string[]> {
    const { skiff } = this
    const folders = ['containers', 'trash'].map(name => join(skiff.dataRoot, name))
    const found = (await this.skiff.api.get('/containers/json', { all: true })).map(({ Id }: Json) => `container ${Id}`)
    for (const folder of [...folders, join(skiff.execRoot, 'containers')])
      for (const name of await entries(folder)) found.push(join(folder, name))
    for (const path of await cgroups()) if (path.includes(`${skiff.cgroupParent}/`)) found.push(path)
    for (const { Id } of await skiff.api.get('/networks', { filters: { driver: ['bridge'] } })) {
      const bridge = await this.#bridgeOf(Id)
      for (const port of await entries(`/sys/class/net/${bridge}/brif`)) found.push(`port ${port} of ${bridge}`)
    }
    return found
  }

  async #bridgeOf(id: string): Promise<string> {
    const { Options } = await this.skiff.api.get(`/networks/${id}`)
    return Options['com.docker.network.bridge.name'] ?? `br-${id.slice(0, 12)}`
  }

  async removeNetworks(): Promise<void> {
    for (const name of this.#networks.splice(0)) await this.skiff.api.delete(`/networks/${name}`)
  }
}

export async function pssKb(pid: number): Promise<number> {
  return Number(/^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1])
}
