/** The benchmark's run: see ./run. A test file by form only, because vitest runs TypeScript on every Node that skiff supports. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { RUN } from '../support/machine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { buildJobs } from './build.ts'
import { commandJobs } from './command-jobs.ts'
import { composeJobs } from './compose.ts'
import { type Job, jobs, prepare } from './jobs.ts'
import { layerJobs } from './layer-jobs.ts'
import { memoryOf, peakKb } from './memory.ts'
import { page, type Row, table } from './table.ts'

const rounds = Number(process.env.SKIFF_BENCH_ROUNDS ?? 20)
const only = (process.env.SKIFF_BENCH_ONLY ?? '').split(',')
const WARM_UP = 2

/** In milliseconds. */
async function time(job: Job, engine: Engine): Promise<number> {
  await job.before?.(engine)
  const begin = performance.now()
  await job.run(engine)
  const spent = performance.now() - begin
  await job.after?.(engine)
  return spent
}

/** In turns, so that what else the machine does meets both. */
async function measure(job: Job, skiff: Engine, docker: Engine): Promise<Row> {
  const row: Row = { job: job.name, docker: [], skiff: [], unit: 'ms' }
  const times = Math.max(3, Math.round(rounds * job.share))
  for (const engine of [skiff, docker]) await job.prepare?.(engine)
  for (let round = job.share < 1 ? -1 : -WARM_UP; round < times; round++) {
    const spent = { docker: await time(job, docker), skiff: await time(job, skiff) }
    if (round < 0) continue
    row.docker.push(spent.docker)
    row.skiff.push(spent.skiff)
  }
  for (const engine of [skiff, docker]) await job.finish?.(engine)
  return row
}

async function measureMemory(skiff: Engine, docker: Engine): Promise<Row[]> {
  const [a, b] = [await memoryOf(skiff), await memoryOf(docker)]
  const peak = { docker: [await peakKb(docker)], skiff: [await peakKb(skiff)] }
  return [
    { job: 'largest resident memory of the daemon, after all of these', ...peak, unit: 'kB' },
    { job: 'private memory of the daemon', docker: [b.daemonKb], skiff: [a.daemonKb], unit: 'kB' },
    { job: 'private memory beside each container', docker: [b.perContainerKb], skiff: [a.perContainerKb], unit: 'kB' },
  ]
}

test('figures', async () => {
  // On a disk: /tmp may be memory. What lives until the next boot is in memory, as /run is: the reference engine has it so.
  const execRoot = await mkdtemp(`/dev/shm/skiff-test-${RUN}-`)
  disposeLater(() => rm(execRoot, { recursive: true, force: true }))
  const [skiff, docker] = [
    await startDaemon({ parent: '/var/tmp', execRoot, logLevel: 'info' }),
    await startReferenceEngine({ parent: '/var/tmp' }),
  ]
  const ids = new Map([
    [skiff, await prepare(skiff)],
    [docker, await prepare(docker)],
  ] as [Engine, string][])
  const rows: Row[] = []
  for (const job of [...jobs(ids), ...commandJobs(), ...layerJobs(), ...composeJobs(), ...buildJobs()])
    if (only.some(word => job.name.includes(word))) rows.push(await measure(job, skiff, docker))
  rows.push(...(await measureMemory(skiff, docker)))
  console.log(`\n${table(rows)}\n`)
  if (process.env.SKIFF_BENCH_WRITE !== '1') return
  const { Version } = await docker.api.get('/version')
  const path = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
  // What follows the table is written by others: test/bench/idle.
  const [, ...others] = (await readFile(path, 'utf8')).split('\n## ')
  await writeFile(path, [page(rows, Version), ...others].join('\n## '))
})
