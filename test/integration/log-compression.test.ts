/** Compressed rotation: who compresses when, and that `logs` notices nothing of it. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { outputOf } from '../support/client.ts'
import { remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const spec = (line: string, Config: object, Type = 'json-file', own: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', line],
  HostConfig: { NetworkMode: 'none', LogConfig: { Type, Config } },
  ...own,
})
const COMPRESSED = { 'max-size': '2k', 'max-file': '200', compress: 'true' }
const COUNT = 'i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo $i; done'
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

const lines = async (id: string, query: object = {}): Promise<string[]> =>
  outputOf(await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1, ...query }))
    .stdout.trim()
    .split('\n')

const folderOf = (id: string): string => join(skiff.dataRoot, 'containers', id)
const logFiles = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter(name => /\.log(\.|$)/.test(name)).sort()

/** Waits until all older files of a log are compressed, and nothing else is left there. */
async function compressed(folder: string): Promise<string[]> {
  for (;;) {
    const files = await logFiles(folder)
    const older = files.filter(name => /\.log\.\d/.test(name))
    if (older.length > 0 && older.every(name => name.endsWith('.gz')) && !files.some(name => name.startsWith('.')))
      return older
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

test('older files become smaller, and logs reads them all', async () => {
  const id = await start(skiff, spec(COUNT, COMPRESSED))
  await wait(skiff, id)
  const older = await compressed(folderOf(id))
  expect(older.length).toBeGreaterThan(10)
  const content = gunzipSync(await readFile(join(folderOf(id), older[0]!))).toString()
  expect(content.split('\n')[0]).toMatch(/^\{"log":"\d+\\n","stream":"stdout","time":"/)
  expect(await lines(id)).toEqual(numbers(1, 1000))
  expect(await lines(id, { tail: 500 })).toEqual(numbers(501, 1000))
  const stamped = await lines(id, { timestamps: 1 })
  const time = stamped[300]!.split(' ')[0]!
  const since = `${Math.floor(Date.parse(time) / 1000)}.${time.slice(20, 29)}`
  const expected = stamped.filter(line => line.split(' ')[0]! >= time)
  expect(expected.length).toBeGreaterThanOrEqual(700)
  expect(await lines(id, { since, timestamps: 1 })).toEqual(expected)
  // What was unpacked for reading is gone.
  expect((await readdir(folderOf(id))).filter(name => name.startsWith('.'))).toEqual([])
  await remove(skiff, id)
})

test('the driver local compresses unless told otherwise', async () => {
  const limits = { 'max-size': '2k', 'max-file': '200' }
  const id = await start(skiff, spec(COUNT, limits, 'local'))
  const plain = await start(skiff, spec(COUNT, { ...limits, compress: 'false' }, 'local'))
  await Promise.all([wait(skiff, id), wait(skiff, plain)])
  await compressed(join(folderOf(id), 'local-logs'))
  expect((await logFiles(join(folderOf(plain), 'local-logs'))).filter(name => name.endsWith('.gz'))).toEqual([])
  expect(await lines(id)).toEqual(numbers(1, 1000))
  await Promise.all([remove(skiff, id), remove(skiff, plain)])
})

test('what was rotated while there was no daemon is compressed by the next, running or not', async () => {
  const shared = await mkdtemp(join(tmpdir(), 'skiff-logs-'))
  const host = {
    NetworkMode: 'none',
    LogConfig: { Type: 'json-file', Config: COMPRESSED },
    Binds: [`${shared}:/shared`],
  }
  const line = (name: string, then: string) =>
    `until [ -e /shared/go ]; do sleep 0.05; done; ${COUNT}; touch /shared/${name}; ${then}`
  const running = await start(skiff, { ...spec(line('a', 'exec sleep 1000'), {}), HostConfig: host })
  const ended = await start(skiff, { ...spec(line('b', 'exit 0'), {}), HostConfig: host })
  await skiff.kill9()
  await writeFile(join(shared, 'go'), '')
  while ((await readdir(shared)).length < 3) await new Promise(resolve => setTimeout(resolve, 20))
  for (const id of [running, ended]) {
    while ((await logFiles(folderOf(id))).length < 10) await new Promise(resolve => setTimeout(resolve, 20))
    expect((await logFiles(folderOf(id))).filter(name => name.endsWith('.gz'))).toEqual([])
  }
  await skiff.restart()
  for (const id of [running, ended]) {
    await compressed(folderOf(id))
    expect(await lines(id)).toEqual(numbers(1, 1000))
    await remove(skiff, id)
  }
  await rm(shared, { recursive: true })
})

test('a follower loses no line and sees none twice', async () => {
  const id = await start(
    skiff,
    spec(`read go; ${COUNT}`, COMPRESSED, 'json-file', { OpenStdin: true, StdinOnce: true }),
  )
  const followers = Array.from({ length: 3 }, () => lines(id, { follow: 1 }))
  const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
  client.socket.write('go\n')
  for (const follower of followers) expect(await follower).toEqual(numbers(1, 1000))
  client.socket.destroy()
  await compressed(folderOf(id))
  await remove(skiff, id)
})

test('a broken file costs its own lines', async () => {
  const id = await start(skiff, spec(COUNT, COMPRESSED))
  await wait(skiff, id)
  const older = await compressed(folderOf(id))
  await writeFile(join(folderOf(id), older.find(name => name.endsWith('.log.2.gz'))!), randomBytes(100))
  const left = await lines(id)
  expect(left[0]).toBe('1')
  expect(left.at(-1)).toBe('1000')
  expect(left.length).toBeLessThan(1000)
  await remove(skiff, id)
})
