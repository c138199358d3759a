/** See ./scale. A test file by form only, because vitest runs TypeScript on every Node that skiff supports. */

import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { freePort } from '../cli/free-port.ts'
import { build } from '../support/build.ts'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { Crowd } from '../support/crowd.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { fixture, importBusybox } from '../support/images.ts'
import { inParallel } from '../support/in-parallel.ts'
import { RUN } from '../support/machine.ts'
import { saveSection } from './results.ts'
import { median } from './table.ts'

const count = Number(process.env.SKIFF_SCALE_COUNT ?? 1_000)
const rounds = Number(process.env.SKIFF_SCALE_ROUNDS ?? 1)
const profile = process.env.SKIFF_SCALE_PROFILE ?? ''

const PROFILE = fileURLToPath(new URL('profile.mjs', import.meta.url))
const run = promisify(execFile)

const WIDTH = 90
/** Containers of the mixed load, beside the crowd. */
const MIXED = 40
const VISITOR = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }

/** What is measured: its name, the figure, its unit, and what it shall not exceed when there are a thousand containers. */
type Figure = [name: string, value: number, unit: string, aim?: number]

class Scale {
  readonly figures: Figure[] = []

  constructor(
    private readonly skiff: Daemon,
    private readonly crowd: Crowd,
    private readonly metrics: string,
  ) {}

  /** The longest delay since the last look: each look begins anew (prom-client). */
  async #longestDelayMs(): Promise<number> {
    const text = await (await fetch(this.metrics)).text()
    return Number(/^nodejs_eventloop_lag_max_seconds ([\d.]+)/m.exec(text)?.[1]) * 1000
  }

  /** Its time, and how long the daemon's event loop was blocked at most meanwhile. */
  async #phase(name: string, aimSeconds: number | undefined, work: () => Promise<unknown>): Promise<void> {
    await this.#longestDelayMs()
    const begin = performance.now()
    await work()
    this.#note([name, (performance.now() - begin) / 1000, 's', aimSeconds])
    this.#note([`${name}: longest delay of the event loop`, await this.#longestDelayMs(), 'ms', 50])
  }

  async #repeat(name: string, aimMs: number | undefined, times: number, work: (n: number) => Promise<unknown>) {
    const spent: number[] = []
    for (let n = 0; n < times; n++) {
      const begin = performance.now()
      await work(n)
      spent.push(performance.now() - begin)
    }
    this.#note([name, median(spent), 'ms', aimMs])
  }

  #note(figure: Figure): void {
    this.figures.push(figure)
    const [name, value, unit, aim] = figure
    const verdict = aim === undefined ? '' : `  (aim: ${aim} ${unit}${value > aim ? ', MISSED' : ''})`
    console.log(`${name.padEnd(WIDTH)} ${value.toFixed(value < 10 ? 2 : 1).padStart(9)} ${unit}${verdict}`)
  }

  async round(): Promise<void> {
    const { skiff, crowd } = this
    const before = await crowd.weigh()
    await this.#phase(`${count} × create + start, 8 clients`, 30, () => crowd.start())
    expect(await crowd.list()).toHaveLength(count)
    expect(new Set(await crowd.addresses()).size).toBe(count)
    await this.#queries()
    const { daemonKb, shimsKb, shims } = await crowd.weigh()
    expect(shims).toBe(count)
    this.#note(['memory of daemon and shims (PSS)', (daemonKb + shimsKb) / 1024, 'MB', 600])
    this.#note(['  a shim', shimsKb / count, 'kB'])
    this.#note(['  what a container adds to the daemon', (daemonKb - before.daemonKb) / count, 'kB'])
    await this.#mixed()
    await this.#restart()
    await this.#phase(`${count} × remove by force, 8 clients`, 15, () => crowd.remove())
    for (let tries = 0; tries < 200 && (await crowd.left()).length > 0; tries++) await pause(50)
    expect(await crowd.left()).toEqual([])
    await pause(3_000)
    this.#note(['memory of the daemon afterwards (PSS)', (await crowd.weigh()).daemonKb / 1024, 'MB'])
    expect(await skiff.log()).not.toMatch(/"level":(50|60)/)
  }

  async #queries(): Promise<void> {
    const { skiff, crowd } = this
    const [command, ...words] = skiff.command as [string, ...string[]]
    await this.#phase('queries', undefined, async () => {
      await this.#repeat('ps: the command', 100, 10, () => run(command, [...words, 'ps']))
      await this.#repeat('ps: GET /containers/json', 100, 10, () => crowd.list())
      await this.#repeat('the same with a filter for one label', undefined, 10, () =>
        crowd.list({ label: ['number=7'] }),
      )
      await this.#repeat('the same with a filter for one name', undefined, 10, () =>
        crowd.list({ name: ['^/crowd-7$'] }),
      )
      await this.#repeat('inspect by name', undefined, 50, n => inspect(skiff, `crowd-${n % count}`))
      await this.#repeat('exec of `true`', undefined, 10, n => exec(skiff, `crowd-${n % count}`, ['true']))
      await this.#repeat('stats of one, one-shot', undefined, 10, n =>
        skiff.api.get(`/containers/crowd-${n % count}/stats`, { stream: false, 'one-shot': true }),
      )
    })
    await this.#phase('one stats reading of each, 8 clients', undefined, () =>
      inParallel(count, 8, number =>
        skiff.api.get(`/containers/crowd-${number}/stats`, { stream: false, 'one-shot': true }),
      ),
    )
  }

  /** Eight clients start and remove; one loads, builds and commits; one lists and reads a stream of figures. */
  async #mixed(): Promise<void> {
    const { skiff, crowd } = this
    const archive = await fixture('debian-image.tar')
    await this.#phase(
      `mixed load: ${MIXED} × create + start + remove, load, build, commit, list, stats`,
      undefined,
      async () => {
        let over = false
        const stats = await skiff.api.stream('GET', '/containers/crowd-0/stats')
        stats.resume()
        const listing = async () => {
          while (!over) await crowd.list()
        }
        const images = async () => {
          const headers = { 'Content-Type': 'application/x-tar' }
          await skiff.api.call('POST', '/images/load', { body: createReadStream(archive), headers })
          await build(
            skiff,
            { Dockerfile: 'FROM busybox\nRUN echo 1 >/1\nRUN echo 2 >/2' },
            { query: { nocache: true } },
          )
          await skiff.api.post('/commit', undefined, { container: 'crowd-1', repo: 'committed' })
          await skiff.api.delete('/images/debian:bookworm')
        }
        const visitors = inParallel(MIXED, 8, async () => remove(skiff, await start(skiff, VISITOR)))
        const work = Promise.all([visitors, images()]).finally(() => {
          over = true
          stats.destroy()
        })
        await Promise.all([work, listing()])
      },
    )
  }

  /** Containers run on; the next daemon takes them over. */
  async #restart(): Promise<void> {
    const { skiff, crowd } = this
    const begin = performance.now()
    await skiff.terminate()
    this.#note(['daemon: SIGTERM to its end', performance.now() - begin, 'ms'])
    const restart = performance.now()
    await skiff.restart()
    this.#note(['daemon: start to the first answer, all taken over', performance.now() - restart, 'ms'])
    expect(await crowd.list()).toHaveLength(count)
  }
}

function section(figures: Figure[]): string {
  const number = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
  const lines = figures.map(
    ([name, value, unit, aim]) =>
      `| ${name.trim()} | ${number(value)} ${unit} | ${aim === undefined ? '' : `${aim} ${unit}`} |`,
  )
  const text = `\`sh test/bench/scale\`: \`sleep\` in busybox a thousand times on two user-defined networks, each container with a network
namespace of its own, by clients at the API on the same two cores. The delay of the event loop is what \`perf_hooks\` measures, of which
10 ms are the distance of its looks; a daemon shows it at \`/metrics\`. Afterwards nothing is left: no process, cgroup, link, folder.`
  return [text, '', '| what | figure | aim |', '| --- | --- | --- |', ...lines].join('\n')
}

test('scale', async () => {
  const execRoot = await mkdtemp(`/dev/shm/skiff-test-${RUN}-`)
  disposeLater(() => rm(execRoot, { recursive: true, force: true }))
  const port = await freePort()
  const skiff = await startDaemon({
    parent: '/var/tmp',
    execRoot,
    logLevel: 'info',
    config: { 'metrics-addr': `127.0.0.1:${port}` },
    env: profile === '' ? {} : { NODE_OPTIONS: `--import ${PROFILE}`, SKIFF_PROFILE: profile },
  })
  await importBusybox(skiff)
  const crowd = new Crowd(skiff, count)
  await crowd.makeNetworks()
  const scale = new Scale(skiff, crowd, `http://127.0.0.1:${port}/metrics`)
  for (let round = 1; round <= rounds; round++) {
    console.log(`\nround ${round}: ${count} containers\n`)
    await scale.round()
  }
  await crowd.removeNetworks()
  if (count === 1_000) await saveSection('A thousand containers at once', section(scale.figures))
})
