/** The benchmark of networks: see ./run-networks. Servers and clients are nginx, ApacheBench and curl of the services image. */

import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { test } from 'vitest'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importBusybox, importServices } from '../support/images.ts'
import { RUN } from '../support/machine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { nginx } from '../support/services.ts'
import { CLIENTS, PARALLEL, removeCrowd, startCrowd } from './jobs.ts'
import { readResults, saveSection } from './results.ts'
import { median } from './table.ts'

const run = promisify(execFile)
const rounds = Number(process.env.SKIFF_BENCH_ROUNDS ?? 5)
const only = process.env.SKIFF_BENCH_ONLY ?? ''
const engines = (process.env.SKIFF_BENCH_ENGINES ?? 'docker,skiff').split(',')
const MEGABYTES = 1024
const REQUESTS = 10_000

/** One engine. */
interface Side {
  engine: Engine
}

/** … with its web server, a client container, and the programs of the image on the engine's own host and on another one. */
interface Served extends Side {
  address: string
  port: string
  inside(command: string[]): Promise<string>
  host(command: string[]): Promise<string>
  neighbour(command: string[]): Promise<string>
}

interface Measure<S = Side> {
  name: string
  unit: string
  /** More is better. */
  rate: boolean
  take(side: S): Promise<number>
}

/** Where the engine's host and the one beside it are on the wire between them. */
const [HOST, NEIGHBOUR] = ['198.18.0.1', '198.18.0.2']

/** Another host: a network namespace with a wire to the engine's. Resolves to the process that holds it. */
async function makeNeighbour(engineHost: string): Promise<string> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 100000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  disposeLater(async () => void holder.kill('SIGKILL'))
  await new Promise(resolve => holder.stdout.once('data', resolve))
  const pid = String(holder.pid)
  const ip = (netns: string, words: string) => run('nsenter', ['-t', netns, '-n', 'ip', ...words.split(' ')])
  await ip(engineHost, `link add neighbour up type veth peer name eth0 netns ${pid}`)
  await ip(engineHost, `address add ${HOST}/24 dev neighbour`)
  await ip(pid, `address add ${NEIGHBOUR}/24 dev eth0`)
  await ip(pid, 'link set eth0 up')
  return pid
}

async function serve(engine: Engine, root: string): Promise<Served> {
  await importServices(engine)
  const place = { NetworkMode: 'bench' }
  const web = await start(engine, nginx({ ...place, PortBindings: { '80/tcp': [{ HostPort: '' }] } }))
  const client = await start(engine, { Image: 'services', Cmd: ['sleep', '100000'], HostConfig: place })
  const inside = async (id: string, command: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await exec(engine, id, command)
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  await inside(web, ['sh', '-c', `truncate -s ${MEGABYTES}M /var/www/html/big; echo hello >/var/www/html/small`])
  const pid = String(await engine.daemonPid())
  const neighbour = await makeNeighbour(pid)
  const on = async (netns: string, command: string[]) =>
    (await run('nsenter', ['-t', netns, '-n', 'chroot', root, ...command])).stdout
  const { NetworkSettings } = await inspect(engine, web)
  return {
    engine,
    address: NetworkSettings.Networks.bench.IPAddress,
    port: NetworkSettings.Ports['80/tcp'][0].HostPort,
    inside: command => inside(client, command),
    host: command => on(pid, command),
    neighbour: command => on(neighbour, command),
  }
}

const requests = (url: string, ...more: string[]): string[] => [
  ...['ab', '-q', '-r', '-n', String(REQUESTS), '-c', String(CLIENTS)],
  ...[...more, url],
]
const perSecond = (report: string): number => {
  if (!/Failed requests: +0\n/.test(report)) throw new Error(report)
  return Number(/Requests per second: +([\d.]+)/.exec(report)?.[1])
}
const download = (url: string): string[] => ['curl', '-sSf', '-o', '/dev/null', '-w', '%{speed_download}', url]
const megabytes = (speed: string): number => Number(speed) / 1e6

const packets: Measure<Served>[] = [
  {
    name: 'container to container, a connection per request',
    unit: 'requests/s',
    rate: true,
    take: async ({ inside, address }) => perSecond(await inside(requests(`http://${address}/small`))),
  },
  {
    name: 'container to container, connections kept',
    unit: 'requests/s',
    rate: true,
    take: async ({ inside, address }) => perSecond(await inside(requests(`http://${address}/small`, '-k'))),
  },
  {
    name: 'host to 127.0.0.1:PORT, a connection per request',
    unit: 'requests/s',
    rate: true,
    take: async ({ host, port }) => perSecond(await host(requests(`http://127.0.0.1:${port}/small`))),
  },
  {
    name: 'host to 127.0.0.1:PORT, connections kept',
    unit: 'requests/s',
    rate: true,
    take: async ({ host, port }) => perSecond(await host(requests(`http://127.0.0.1:${port}/small`, '-k'))),
  },
  {
    name: 'another host to HOST:PORT, a connection per request',
    unit: 'requests/s',
    rate: true,
    take: async ({ neighbour, port }) => perSecond(await neighbour(requests(`http://${HOST}:${port}/small`))),
  },
  {
    name: 'another host to HOST:PORT, connections kept',
    unit: 'requests/s',
    rate: true,
    take: async ({ neighbour, port }) => perSecond(await neighbour(requests(`http://${HOST}:${port}/small`, '-k'))),
  },
  {
    name: 'another host to HOST:PORT, 1 GiB',
    unit: 'MB/s',
    rate: true,
    take: async ({ neighbour, port }) => megabytes(await neighbour(download(`http://${HOST}:${port}/big`))),
  },
  {
    name: 'container to container, 1 GiB',
    unit: 'MB/s',
    rate: true,
    take: async ({ inside, address }) => megabytes(await inside(download(`http://${address}/big`))),
  },
  {
    name: 'host to 127.0.0.1:PORT, 1 GiB',
    unit: 'MB/s',
    rate: true,
    take: async ({ host, port }) => megabytes(await host(download(`http://127.0.0.1:${port}/big`))),
  },
]

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

const idle = (HostConfig: object) => ({ Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL', HostConfig })

const places: Measure[] = [
  {
    name: `${PARALLEL} × create + start with a published port, ${CLIENTS} clients`,
    unit: 'ms',
    rate: false,
    async take({ engine }) {
      const { ms, ids } = startCrowd(engine, idle({ PortBindings: { '80/tcp': [{ HostPort: '' }] } }))
      removeCrowd(engine, ids)
      return ms
    },
  },
  ...['none', 'bridge', 'bench'].map(mode => ({
    name: `create + start + remove, network ${mode}`,
    unit: 'ms',
    rate: false,
    take: ({ engine }: Side) =>
      milliseconds(async () => remove(engine, await start(engine, idle({ NetworkMode: mode })))),
  })),
  {
    name: 'connect + disconnect of a running container',
    unit: 'ms',
    rate: false,
    async take({ engine }) {
      const id = await start(engine, idle({}))
      const spent = await milliseconds(async () => {
        await engine.api.post('/networks/bench/connect', { Container: id })
        await engine.api.post('/networks/bench/disconnect', { Container: id })
      })
      await remove(engine, id)
      return spent
    },
  },
]

/** The programs with which the host itself asks. */
async function unpackServices(): Promise<string> {
  const root = await mkdtemp(`/var/tmp/skiff-test-${RUN}-`)
  disposeLater(() => rm(root, { recursive: true, force: true }))
  await run('tar', ['-xf', await fixture('services.tar'), '-C', root])
  return root
}

async function startEngine(name: string): Promise<Engine> {
  if (name === 'docker') return startReferenceEngine({ parent: '/var/tmp' })
  const execRoot = await mkdtemp(`/dev/shm/skiff-test-${RUN}-`)
  disposeLater(() => rm(execRoot, { recursive: true, force: true }))
  return startDaemon({ parent: '/var/tmp', execRoot, logLevel: 'info' })
}

/** In turns, so that what else the machine does meets both; of several rounds one more, the first, warms up. */
async function measure<S>({ name, unit, rate, take }: Measure<S>, sides: Record<string, S>): Promise<void> {
  const taken: Record<string, number[]> = Object.fromEntries(Object.keys(sides).map(key => [key, []]))
  for (let round = rounds > 1 ? 0 : 1; round <= rounds; round++)
    for (const [key, side] of Object.entries(sides)) {
      const figure = await take(side)
      if (round > 0) taken[key]?.push(figure)
    }
  const medians = Object.entries(taken).map(([key, figures]) => [key, median(figures)] as const)
  const shown = medians.map(([key, figure]) => `${key} ${figure.toFixed(1)} ${unit}`)
  const [theirs, ours] = medians.map(([, figure]) => figure)
  const ratio = theirs === undefined || ours === undefined ? null : rate ? ours / theirs : theirs / ours
  const words = ratio === null ? '' : `: ${ratio.toFixed(2)} times as ${rate ? 'many' : 'fast'}`
  console.log(`${name.padEnd(60)} ${shown.join(', ')}${words}`)
  if (ratio === null) return
  const cells = medians.map(([, figure]) => `${figure.toFixed(figure < 100 ? 1 : 0)} ${unit}`)
  await keep(name, `| ${name} | ${cells.join(' | ')} | ${ratio.toFixed(2)} |`)
}

const HEADING = 'Networks'
const INTRO = `\`sh test/bench/run-networks\`: nginx, ApacheBench (${REQUESTS} requests, ${CLIENTS} at a time) and curl of Debian's packages on a
user-defined network; a network namespace on a wire is the other host. Medians; in the last column above 1 means that skiff is ahead.`

/** In the place of the line of an earlier run, so that the parts of the benchmark make one table. */
async function keep(name: string, line: string): Promise<void> {
  const before = (await readResults()).sections[HEADING]?.split('\n') ?? []
  const names = [...packets, ...places].map(one => one.name)
  const lines = names.flatMap(one => (one === name ? [line] : before.filter(row => row.startsWith(`| ${one} |`))))
  await saveSection(
    HEADING,
    [INTRO, '', '| what | Docker | skiff | times |', '| --- | --- | --- | --- |', ...lines].join('\n'),
  )
}

test('figures', async () => {
  const isWanted = ({ name }: { name: string }) => name.includes(only)
  const sides: Record<string, Side> = {}
  for (const name of engines) {
    const engine = await startEngine(name)
    await importBusybox(engine)
    await engine.api.post('/networks/create', { Name: 'bench' })
    sides[name] = { engine }
  }
  if (packets.some(isWanted)) {
    const root = await unpackServices()
    const served: Record<string, Served> = {}
    for (const [name, { engine }] of Object.entries(sides)) served[name] = await serve(engine, root)
    for (const one of packets.filter(isWanted)) await measure(one, served)
  }
  for (const one of places.filter(isWanted)) await measure(one, sides)
})
