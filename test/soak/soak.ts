/**
 * Many containers of many kinds come and go while containers, shims and the daemon itself are killed at random. Afterwards nothing of it is
 * left, and the daemon is as large as before. The same seed makes the same containers and the same kills, though not the same moments.
 */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { create } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cgroups, entries, processesOf } from '../support/machine.ts'
import { KINDS, NETWORK } from './kinds.ts'
import { Random } from './random.ts'

export interface SoakOptions {
  seconds: number
  containers: number
  seed: number
  /** Told of each sample. */
  onSample?(sample: Sample): void
}

export interface Sample {
  /** Since the beginning. */
  seconds: number
  started: number
  running: number
  /** Of the daemon, in kB. */
  pssKb: number
  descriptors: number
}

export interface SoakReport {
  samples: Sample[]
  kinds: Record<string, number>
  kills: Record<'container' | 'shim' | 'daemon', number>
  /** What was refused for another reason than a kill; with how often. */
  errors: Record<string, number>
  /** By kind; empty: the machine is as before. */
  left: Record<string, string[]>
  /** Of the daemon, with nothing in it: before and after. */
  idleKb: { before: number; after: number }
}

export async function soak(options: SoakOptions): Promise<SoakReport> {
  return new Soak(await startDaemon({ logLevel: 'info' }), options).run()
}

class Soak {
  readonly #random: Random
  readonly #report: SoakReport = {
    samples: [],
    kinds: {},
    kills: { container: 0, shim: 0, daemon: 0 },
    errors: {},
    left: {},
    idleKb: { before: 0, after: 0 },
  }
  readonly #running = new Set<string>()
  #begin = 0
  #started = 0
  #daemonIsDown: Promise<void> | null = null

  constructor(
    private readonly skiff: Daemon,
    private readonly options: SoakOptions,
  ) {
    this.#random = new Random(options.seed)
  }

  async run(): Promise<SoakReport> {
    const { skiff } = this
    await importBusybox(skiff)
    await skiff.api.get('/images/host/json')
    const { Id: network } = await skiff.api.post('/networks/create', { Name: NETWORK })
    this.#report.idleKb.before = await this.#idleKb()
    this.#begin = performance.now()
    await Promise.all([this.#makeAll(), this.#killSome(), this.#sample()])
    await skiff.api.delete(`/networks/${network}`)
    await skiff.api.request('POST', '/volumes/prune', { query: { filters: { all: ['true'] } } })
    this.#report.idleKb.after = await this.#idleKb()
    this.#report.left = await this.#whatIsLeft()
    return this.#report
  }

  get #seconds(): number {
    return (performance.now() - this.#begin) / 1000
  }

  get #isOver(): boolean {
    return this.#started >= this.options.containers && this.#running.size === 0
  }

  /** Evenly over the time, however long each lives. */
  async #makeAll(): Promise<void> {
    const { seconds, containers } = this.options
    const lives: Promise<void>[] = []
    for (let number = 0; number < containers; number++) {
      await pause(Math.max(0, (number / containers) * seconds - this.#seconds) * 1000)
      const kind = KINDS[number % KINDS.length]!
      this.#report.kinds[kind.name] = (this.#report.kinds[kind.name] ?? 0) + 1
      const life = { number, kind, spec: kind.spec(number, this.#random), livesMs: this.#random.below(8_000) }
      lives.push(this.#live(life))
      this.#started++
    }
    await Promise.all(lives)
  }

  async #live({ number, kind, spec, livesMs }: LifeOptions): Promise<void> {
    const name = `soak-${number}`
    this.#running.add(name)
    try {
      await this.#attempt('create', () => create(this.skiff, spec, name))
      await this.#attempt('start', () => this.skiff.api.post(`/containers/${name}/start`))
      await Promise.all([pause(livesMs), this.#attempt(kind.name, async () => kind.use?.(this.skiff, name))])
    } finally {
      await this.#removeSurely(name)
      this.#running.delete(name)
    }
  }

  /** What a kill is to blame for is forgiven; whatever else goes wrong is counted. */
  async #attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    await this.#daemonIsDown
    const kills = { ...this.#report.kills }
    try {
      await work()
    } catch (error) {
      const { status } = error as { status?: number }
      // The daemon was killed, the container has ended or was removed by itself.
      if (status === undefined || [404, 409, 304].includes(status)) return
      if (JSON.stringify(kills) !== JSON.stringify(this.#report.kills)) return
      const message = `${what}: ${String(error)}`.replace(/[0-9a-f]{12,64}/g, 'ID')
      this.#report.errors[message] = (this.#report.errors[message] ?? 0) + 1
    }
  }

  async #removeSurely(name: string): Promise<void> {
    for (let tries = 0; ; tries++) {
      await this.#daemonIsDown
      const answer = await this.skiff.api
        .request('DELETE', `/containers/${name}`, { query: { force: true, v: true } })
        .catch(() => null)
      if (answer !== null && [204, 404].includes(answer.status)) return
      if (tries > 1_000) throw new Error(`${name} cannot be removed: ${answer?.text}`)
      await pause(50)
    }
  }

  async #killSome(): Promise<void> {
    const { seconds } = this.options
    while (!this.#isOver) {
      await pause(100 + this.#random.below(Math.max(400, seconds * 5)))
      const kind = this.#random.pick(['container', 'container', 'shim', 'daemon'] as const)
      // In the second half the daemon lives on: whether it grows is to be seen.
      if (kind === 'daemon' && this.#seconds > seconds / 2) continue
      if (kind === 'daemon') await this.#killDaemon()
      else await this.#killOne(kind)
    }
  }

  async #killDaemon(): Promise<void> {
    this.#report.kills.daemon++
    this.#daemonIsDown = (async () => {
      await this.skiff.kill9()
      await pause(this.#random.below(500))
      await this.skiff.restart()
    })()
    await this.#daemonIsDown
    this.#daemonIsDown = null
  }

  async #killOne(kind: 'container' | 'shim'): Promise<void> {
    const folders = await entries(join(this.skiff.execRoot, 'containers'))
    if (folders.length === 0) return
    const record = join(this.skiff.execRoot, 'containers', this.#random.pick(folders), 'started.json')
    try {
      const { pid, shimPid } = JSON.parse(await readFile(record, 'utf8')) as { pid: number; shimPid: number }
      // The kernel may have given the number away: only what still is of this instance is ours to kill.
      const victim = kind === 'container' ? pid : shimPid
      if (!(await processesOf(this.skiff.folder)).includes(victim)) return
      process.kill(victim, 'SIGKILL')
      this.#report.kills[kind]++
    } catch {
      // It ended by itself.
    }
  }

  async #sample(): Promise<void> {
    const { seconds, onSample } = this.options
    while (!this.#isOver) {
      await pause((seconds / 20) * 1000)
      await this.#daemonIsDown
      try {
        const pid = await this.skiff.daemonPid()
        const sample: Sample = {
          seconds: Math.round(this.#seconds),
          started: this.#started,
          running: this.#running.size,
          pssKb: await pssKb(pid),
          descriptors: (await readdir(`/proc/${pid}/fd`)).length,
        }
        this.#report.samples.push(sample)
        onSample?.(sample)
      } catch {
        // Killed between two looks.
      }
    }
  }

  /** With nothing running, and after what it gives back by itself. */
  async #idleKb(): Promise<number> {
    await pause(2_000)
    return pssKb(await this.skiff.daemonPid())
  }

  async #whatIsLeft(): Promise<Record<string, string[]>> {
    let left: Record<string, string[]> = {}
    // A shim ends after it has reported the end of its container, and the trash is emptied when there is time.
    for (let tries = 0; tries < 600; tries++) {
      left = await leftovers(this.skiff)
      if (Object.keys(left).length === 0) break
      await pause(50)
    }
    return left
  }
}

interface LifeOptions {
  number: number
  kind: (typeof KINDS)[number]
  spec: ReturnType<(typeof KINDS)[number]['spec']>
  livesMs: number
}

async function pssKb(pid: number): Promise<number> {
  return Number(/^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1])
}

async function leftovers(skiff: Daemon): Promise<Record<string, string[]>> {
  const data = (path: string) => entries(join(skiff.dataRoot, path))
  const daemon = await skiff.daemonPid()
  const listed: { Id: string }[] = await skiff.api.get('/containers/json', { all: true })
  const { Volumes } = await skiff.api.get('/volumes')
  const found: Record<string, string[]> = {
    listed: listed.map(({ Id }) => Id),
    volumes: (Volumes ?? []).map(({ Name }: { Name: string }) => Name),
    containers: await data('containers'),
    roots: await data('roots'),
    trash: await data('trash'),
    damaged: await data('damaged'),
    staging: await data('layers/staging'),
    networks: (await data('networks')).slice(3),
    run: await entries(join(skiff.execRoot, 'containers')),
    cgroups: (await cgroups()).filter(path => path.includes(`${skiff.cgroupParent}/`)),
    processes: (await processesOf(skiff.folder)).filter(pid => pid !== daemon).map(String),
  }
  return Object.fromEntries(Object.entries(found).filter(([, list]) => list.length > 0))
}
