/** The benchmark's run: see ./run. A test file by form only, because vitest runs TypeScript on every Node that skiff supports. */

import { mkdtemp, rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { RUN } from '../support/machine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { aimOf } from './aims.ts'
import { buildJobs } from './build.ts'
import { commandJobs } from './command-jobs.ts'
import { composeJobs } from './compose.ts'
import { fileCommands } from './file-commands.ts'
import { type Job, jobs, prepare } from './jobs.ts'
import { layerJobs } from './layer-jobs.ts'
import { memoryOf, peakKb } from './memory.ts'
import { type Contender, type Others, startOthers } from './others.ts'
import { type Row, readResults, saveRows, writePage } from './results.ts'
import { page, table } from './table.ts'

const rounds = Number(process.env.SKIFF_BENCH_ROUNDS ?? 20)
const only = (process.env.SKIFF_BENCH_ONLY ?? '').split(',')
const isWanted = (job: string): boolean => only.some(word => job.includes(word))

/** What is done often is done before it counts, too. */
const warmUps = ({ share }: Job): number => (share >= 1 ? 2 : share >= 0.2 ? 1 : 0)

/** What one engine leaves to the kernel (namespaces to be torn down, shims that end) is not to be the next one's loss. */
const SETTLE_MS = 150

/** A turn of what is short: who types a command, or starts containers for tests, does so more than once. */
const runsATurn = ({ share }: Job): number => (share >= 1 ? 3 : 1)

/** The time of each run in milliseconds. All count, also the first, which finds the machine idle. */
async function turn(job: Job, engine: Engine): Promise<number[]> {
  const spent: number[] = []
  while (spent.length < runsATurn(job)) {
    await job.before?.(engine)
    if (spent.length === 0) await pause(SETTLE_MS)
    const begin = performance.now()
    const own = await job.run(engine)
    spent.push(typeof own === 'number' ? own : performance.now() - begin)
    await job.after?.(engine)
  }
  return spent
}

interface Sides {
  skiff: Engine
  docker: Engine
  others: Others
}

/** What install-system puts on the PATH as `skiff`. bin/skiff, of a clone, is a shell script before it, which looks whether all is built. */
const LAUNCHER = fileURLToPath(new URL('../../build/skiff', import.meta.url))

/** In turns, so that what else the machine does meets all. */
async function measure(job: Job, { skiff, docker, others }: Sides): Promise<Row> {
  const contenders: Contender[] = aimOf(job.name)?.others?.(others) ?? []
  const figures = Object.fromEntries(contenders.map(({ name }) => [name, [] as number[]]))
  const row: Row = { job: job.name, docker: [], skiff: [], unit: 'ms', others: figures }
  const turns = Math.max(3, Math.round((rounds * job.share) / runsATurn(job)))
  for (const engine of [skiff, docker]) await job.prepare?.(engine)
  for (let round = -warmUps(job); round < turns; round++) {
    const spent = { docker: await turn(job, docker), skiff: await turn(job, skiff) }
    const theirs = new Map<string, number>()
    for (const { name, run } of contenders) {
      await pause(SETTLE_MS)
      theirs.set(name, await run())
    }
    if (round < 0) continue
    row.docker.push(...spent.docker)
    row.skiff.push(...spent.skiff)
    for (const [name, ms] of theirs) figures[name]?.push(ms)
  }
  for (const engine of [skiff, docker]) await job.finish?.(engine)
  return row
}

const MEMORY = [
  'largest resident memory of the daemon, after all of these',
  'private memory of the daemon',
  'private memory beside each container',
] as const

async function measureMemory({ skiff, docker }: Sides): Promise<Row[]> {
  const [a, b] = [await memoryOf(skiff), await memoryOf(docker)]
  return [
    { job: MEMORY[0], docker: [await peakKb(docker)], skiff: [await peakKb(skiff)], unit: 'kB' },
    { job: MEMORY[1], docker: [b.daemonKb], skiff: [a.daemonKb], unit: 'kB' },
    { job: MEMORY[2], docker: [b.perContainerKb], skiff: [a.perContainerKb], unit: 'kB' },
  ]
}

async function measureAll(): Promise<void> {
  // On a disk: /tmp may be memory. What lives until the next boot is in memory, as /run is; the reference engine has one of its own.
  const execRoot = await mkdtemp(`/dev/shm/skiff-test-${RUN}-`)
  disposeLater(() => rm(execRoot, { recursive: true, force: true }))
  const sides: Sides = {
    skiff: await startDaemon({ parent: '/var/tmp', execRoot, logLevel: 'info', program: LAUNCHER }),
    docker: await startReferenceEngine({ parent: '/var/tmp', args: ['--exec-root', '/run/docker'] }),
    others: await startOthers(),
  }
  const { skiff, docker, others } = sides
  const ids = new Map<Engine, string>()
  for (const engine of [skiff, docker]) ids.set(engine, await prepare(engine))
  const all = [...commandJobs(), ...fileCommands(), ...jobs(ids), ...layerJobs(), ...composeJobs(), ...buildJobs()]
  const { Version } = await docker.api.get('/version')
  const order = [...all.map(({ name }) => name), ...MEMORY]
  const rows: Row[] = []
  for (const job of all) {
    if (!isWanted(job.name)) continue
    rows.push(await measure(job, sides))
    // At once: a run that is cut short has not been for nothing.
    await saveRows(rows.slice(-1), order, others.absent, Version)
  }
  if (isWanted('memory')) rows.push(...(await measureMemory(sides)))
  await saveRows(rows, order, others.absent, Version)
  console.log(`\n${table(rows)}\n`)
  for (const line of others.absent) console.log(`not run: ${line}`)
}

test('figures', async () => {
  // `--only none`: the page alone.
  if (process.env.SKIFF_BENCH_ONLY !== 'none') await measureAll()
  if (process.env.SKIFF_BENCH_WRITE === '1') await writePage(page(await readResults()))
})
