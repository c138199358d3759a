/** Clients as they are: a hundred at once, ones that vanish in mid-stream, ones that do not read. The daemon answers all others, and its memory has a bound. */

import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { create, exec, inspect, remove, run, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { fixture, importBusybox } from '../support/images.ts'

const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }
const MB = 1024 * 1024

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
})

async function residentBytes(pid: number): Promise<number> {
  // A process that has ended has none.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
}

const descriptors = async (): Promise<number> => (await readdir(`/proc/${await skiff.daemonPid()}/fd`)).length

async function shimOf(id: string): Promise<number> {
  const record = JSON.parse(await readFile(join(skiff.execRoot, 'containers', id, 'started.json'), 'utf8'))
  return record.shimPid
}

/** The most memory that a process takes while `work` runs, beyond what it takes before. */
async function growthOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = await residentBytes(pid)
  let most = before
  let done = false
  const watching = (async () => {
    while (!done) {
      most = Math.max(most, await residentBytes(pid))
      await pause(20)
    }
  })()
  await work().finally(() => {
    done = true
  })
  await watching
  return most - before
}

test('a hundred at once, each with something else', { timeout: 300_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const calls: ((n: number) => Promise<unknown>)[] = [
    () => skiff.api.get('/containers/json', { all: true, size: true }),
    () => inspect(skiff, id),
    async n => expect((await exec(skiff, id, ['echo', String(n)])).stdout).toBe(`${n}\n`),
    async n => expect((await run(skiff, { ...SLEEP, Cmd: ['echo', String(n)] })).stdout).toBe(`${n}\n`),
    async n => remove(skiff, await start(skiff, SLEEP, `client-${n}`)),
    () => skiff.api.get('/images/json'),
    () => skiff.api.get('/system/df'),
    async n => {
      await skiff.api.post('/volumes/create', { Name: `volume-${n}` })
      await skiff.api.delete(`/volumes/volume-${n}`)
    },
    () => skiff.api.get(`/containers/${id}/stats`, { stream: false }),
    () => skiff.api.bytes(`/containers/${id}/archive`, { path: '/etc' }),
  ]
  await Promise.all(Array.from({ length: 100 }, (_, n) => calls[n % calls.length]!(n)))
  expect(await skiff.api.get('/containers/json', { all: true })).toHaveLength(1)
  await remove(skiff, id)
})

/** Sends a request by hand and drops the connection: after what it has sent, or when the first bytes of an answer are there. */
function vanish(head: string, body: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(skiff.socket)
    socket.on('error', () => resolve())
    socket.once('connect', () => {
      socket.write(`${head}\r\nHost: x\r\n\r\n`)
      if (body === null) return
      socket.write(body, () => {
        socket.destroy()
        resolve()
      })
    })
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', reject)
  })
}

test('that vanish in the middle of a stream', { timeout: 300_000 }, async () => {
  const id = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'while :; do echo x; sleep 0.01; done'] })
  await pause(100)
  const archive = await readFile(await fixture('busybox.tar'))
  const image = await readFile(await fixture('busybox-image.tar'))
  const upload = (path: string, size: number, type = '') =>
    `POST ${path} HTTP/1.1\r\nContent-Length: ${size}${type && `\r\nContent-Type: ${type}`}`
  const kinds: [string, Buffer | null][] = [
    [`GET /containers/${id}/logs?follow=1&stdout=1 HTTP/1.1`, null],
    [`GET /containers/${id}/stats HTTP/1.1`, null],
    [`POST /containers/${id}/attach?stream=1&stdout=1&logs=1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp`, null],
    ['GET /events?since=1 HTTP/1.1', null],
    [`GET /containers/${id}/export HTTP/1.1`, null],
    [upload('/images/create?fromSrc=-&repo=half', archive.length), archive.subarray(0, archive.length >> 1)],
    [upload('/images/load', image.length), image.subarray(0, image.length >> 1)],
    [upload('/containers/create', 5000, 'application/json'), Buffer.from('{"Image": "busy')],
    [
      `${upload(`/containers/${id}/archive?path=/tmp`, archive.length).replace('POST', 'PUT')}`,
      archive.subarray(0, 100_000),
    ],
  ]
  const round = () => Promise.all(kinds.map(([head, body]) => vanish(head, body)))
  await round()
  await round()
  await pause(500)
  const before = await descriptors()
  for (let i = 0; i < 5; i++) await round()
  await expect.poll(async () => (await descriptors()) <= before + 2, { timeout: 60_000 }).toBe(true)
  await expect.poll(() => readdir(join(skiff.dataRoot, 'layers/staging')), { timeout: 60_000 }).toEqual([])
  expect((await skiff.api.get('/images/json')).length).toBe(1)
  expect((await inspect(skiff, id)).State.Running).toBe(true)
  await remove(skiff, id)
  // What was cut off can be done again.
  const again = await skiff.api.request('POST', '/images/load', {
    body: createReadStream(await fixture('busybox-image.tar')),
  })
  expect(again.text).toContain('Loaded image')
})

test('that do not read', { timeout: 300_000 }, async () => {
  const id = await create(skiff, {
    ...SLEEP,
    Cmd: ['sh', '-c', 'yes 0123456789012345678901234567890123456789 | head -c 100000000'],
  })
  const daemon = await skiff.daemonPid()
  await skiff.api.post(`/containers/${id}/start`)
  const open: IncomingMessage[] = []
  const growth = await growthOf(daemon, async () => {
    for (let i = 0; i < 10; i++) {
      open.push(await skiff.api.stream('GET', `/containers/${id}/logs`, { query: { follow: 1, stdout: 1 } }))
      open.push(await skiff.api.stream('GET', '/events', {}))
    }
    // None of them is read: the container ends all the same.
    expect(await wait(skiff, id)).toBe(0)
    await pause(1_000)
  })
  // Ten readers of a hundred megabytes.
  expect(growth).toBeLessThan(128 * MB)
  for (const stream of open) stream.destroy()
  await remove(skiff, id)
})

test('a container that writes a gigabyte as fast as it can, with rotation', { timeout: 600_000 }, async () => {
  const LogConfig = { Type: 'json-file', Config: { 'max-size': '20m', 'max-file': '3' } }
  const line = 'x'.repeat(1000)
  const id = await create(skiff, {
    ...SLEEP,
    Cmd: ['sh', '-c', `read x; yes ${line} | head -c 1000000000; echo the end`],
    OpenStdin: true,
    HostConfig: { ...HostConfig, LogConfig },
  })
  const other = await start(skiff, SLEEP)
  await skiff.api.post(`/containers/${id}/start`)
  const input = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
  const shim = await shimOf(id)
  const [ofDaemon, ofShim] = await Promise.all([
    growthOf(await skiff.daemonPid(), async () => wait(skiff, id)),
    growthOf(shim, async () => {
      input.end('go\n')
      expect(await wait(skiff, id)).toBe(0)
    }),
  ])
  expect(ofDaemon, 'of the daemon').toBeLessThan(64 * MB)
  expect(ofShim, 'of the shim').toBeLessThan(8 * MB)
  const folder = join(skiff.dataRoot, 'containers', id)
  const logs = (await readdir(folder)).filter(name => name.includes('-json.log'))
  expect(logs.length).toBeLessThanOrEqual(3)
  for (const name of logs) expect((await stat(join(folder, name))).size).toBeLessThan(21 * MB)
  const tail = (await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1, tail: 1 })).toString()
  expect(tail).toContain('the end')
  expect((await inspect(skiff, other)).State.Running).toBe(true)
  await Promise.all([remove(skiff, id), remove(skiff, other)])
})
