/**
 * The most memory that the daemon has resident at once (VmHWM in proc_pid_status(5): shared pages too, such as Node's own) at each
 * job with an image of 1.25 GB. A daemon does one job, and is started anew for the next.
 */

import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'vitest'
import { create } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { RUN } from '../support/machine.ts'
import { startRegistry } from '../support/registry.ts'
import { buildContext, type Compressed, LargeImage } from './large-image.ts'
import { saveSection } from './results.ts'

const HEADING = 'The daemon with an image of 1.25 GB'
const AIM_KB = 200_000

const words = (process.env.SKIFF_BENCH_ONLY ?? '').split(' ').filter(word => word !== '')
const isWanted = (name: string): boolean => words.length === 0 || words.some(word => name.includes(word))

const TAR = { 'Content-Type': 'application/x-tar' }
const NO_LOGIN = { 'X-Registry-Auth': Buffer.from('{}').toString('base64') }

interface Job {
  name: string
  run(daemon: Daemon): Promise<void>
}

async function succeed(daemon: Daemon, method: string, path: string, options = {}): Promise<void> {
  const { status, text } = await daemon.api.request(method, path, options)
  if (status >= 300 || text.includes('"error"')) throw new Error(`${method} ${path}: ${status} ${text.slice(-500)}`)
}

async function drain(daemon: Daemon, path: string, query = {}): Promise<void> {
  let size = 0
  const body: Readable = await daemon.api.stream('GET', path, { query })
  for await (const chunk of body) size += (chunk as Buffer).length
  if (size < 500e6) throw new Error(`GET ${path} gave ${size} bytes`)
}

const send = (daemon: Daemon, method: string, path: string, file: string, query = {}): Promise<void> =>
  succeed(daemon, method, path, { body: createReadStream(file), headers: TAR, query })

const pulling = (how: Compressed, registry: string): Job => ({
  name: `pull, layers ${how === 'uncompressed' ? how : `by ${how}`}`,
  run: async daemon => {
    const query = { fromImage: `${registry}/${how}`, tag: 'latest' }
    await succeed(daemon, 'POST', '/images/create', { query })
  },
})

/** In this order: what one makes, others use. */
function jobs(files: Record<'saved' | 'root' | 'context', string>, empty: string): Job[] {
  const removed = async (daemon: Daemon, name: string) => succeed(daemon, 'DELETE', `/images/${name}?force=1`)
  return [
    { name: 'load', run: daemon => send(daemon, 'POST', '/images/load', files.saved) },
    { name: 'save', run: daemon => drain(daemon, '/images/large/get') },
    {
      name: 'import',
      async run(daemon) {
        await send(daemon, 'POST', '/images/create', files.root, { fromSrc: '-', repo: 'imported' })
        await removed(daemon, 'imported')
      },
    },
    { name: 'export', run: daemon => drain(daemon, '/containers/large/export') },
    { name: 'cp out, 1.25 GB', run: daemon => drain(daemon, '/containers/large/archive', { path: '/' }) },
    {
      name: 'cp in, 1.25 GB',
      run: daemon => send(daemon, 'PUT', '/containers/large/archive', files.root, { path: '/' }),
    },
    {
      name: 'commit of these',
      async run(daemon) {
        await succeed(daemon, 'POST', '/commit', { query: { container: 'large', repo: 'committed' } })
        await removed(daemon, 'committed')
      },
    },
    {
      name: 'build: FROM it, COPY and RUN cp of 600 MB',
      run: daemon => send(daemon, 'POST', '/build', files.context, { t: 'built' }),
    },
    {
      name: 'push',
      async run(daemon) {
        await succeed(daemon, 'POST', '/images/large/tag', { query: { repo: `${empty}/pushed`, tag: 'latest' } })
        await succeed(daemon, 'POST', `/images/${empty}/pushed/push`, {
          query: { tag: 'latest' },
          headers: NO_LOGIN,
        })
        await removed(daemon, `${empty}/pushed`)
      },
    },
  ]
}

const peakKb = async (pid: number): Promise<number> =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])

async function measure(daemon: Daemon, { name, run }: Job): Promise<string> {
  await daemon.restart()
  // Threads that only start-up had to do with have ended then.
  await pause(500)
  const before = await peakKb(await daemon.daemonPid())
  const begin = performance.now()
  await run(daemon)
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  const peak = await peakKb(await daemon.daemonPid())
  console.log(`${name}: ${peak} kB, ${before} kB before it, ${seconds} s`)
  return `| ${name} | ${(peak / 1000).toFixed(0)} MB${peak > AIM_KB ? ', too much' : ''} | ${(before / 1000).toFixed(0)} MB | ${seconds} s |`
}

async function prepare(daemon: Daemon, saved: string): Promise<void> {
  await send(daemon, 'POST', '/images/load', saved)
  await create(daemon, { Image: 'large', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } }, 'large')
}

test('memory', async () => {
  const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-`)
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  const image = await LargeImage.make(folder)
  const files = {
    saved: await image.saved('large'),
    root: await image.rootArchive(),
    context: await buildContext(image),
  }
  const registry = (await startRegistry({ storage: `${folder}/registry` })).host
  const daemon = await startDaemon({ parent: '/var/tmp', logLevel: 'info' })
  const rows: string[] = []
  for (const how of ['uncompressed', 'gzip', 'zstd'] as const) {
    const job = pulling(how, registry)
    if (!isWanted(job.name)) continue
    await image.putInto(registry, how, how)
    rows.push(await measure(daemon, job))
    // The next one is to find none of its layers here.
    await succeed(daemon, 'DELETE', `/images/${registry}/${how}:latest`)
  }
  const [load, ...others] = jobs(files, (await startRegistry({ storage: `${folder}/empty` })).host)
  if (isWanted(load!.name)) {
    rows.push(await measure(daemon, load!))
    await succeed(daemon, 'DELETE', '/images/large')
  }
  await prepare(daemon, files.saved)
  for (const job of others) if (isWanted(job.name)) rows.push(await measure(daemon, job))
  const text = [
    `\`sh test/bench/image-memory\`: most resident memory at once (VmHWM of \`/proc/PID/status\`, shared pages too) of a daemon that was`,
    `started for the job, on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}. ${(image.size / 1e9).toFixed(2)} GB in five layers, the largest of 600 MB, 6,400 files; it is to stay below 200 MB.`,
    '',
    '| job | at most | before it | time |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
  console.log(`\n${text}`)
  if (words.length === 0) await saveSection(HEADING, text)
})
