/** docker logs over the API: frames, tails, times, following, rotation. */

import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { demultiplex, outputOf } from '../support/client.ts'
import { create, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const spec = (line: string, own: object = {}, host: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', line],
  HostConfig: { NetworkMode: 'none', ...host },
  ...own,
})
const logs = (id: string, query: object = {}): Promise<Buffer> =>
  skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1, stderr: 1, ...query })
const text = async (id: string, query: object = {}): Promise<string> => outputOf(await logs(id, query)).stdout

async function finished(line: string, own: object = {}, host: object = {}): Promise<string> {
  const id = await start(skiff, spec(line, own, host))
  await wait(skiff, id)
  return id
}

/** Each line is logged before the next is written, so that no two have the same time. */
async function oneByOne(lines: string[]): Promise<string> {
  const id = await start(skiff, spec('cat', { OpenStdin: true, StdinOnce: true }))
  const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1, stdout: 1 } })
  for (const line of lines) {
    const echoed = new Promise(resolve => client.socket.once('data', resolve))
    client.socket.write(`${line}\n`)
    await echoed
  }
  client.end()
  await wait(skiff, id)
  return id
}

test('each line is a frame of its stream', async () => {
  const id = await finished('echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three')
  const frames = demultiplex(await logs(id)).map(({ stream, data }) => `${stream}: ${data}`)
  expect(frames).toEqual(['stdout: one\n', 'stderr: two\n', 'stdout: three\n'])
  expect(outputOf(await logs(id, { stdout: 0 }))).toEqual({ stdout: '', stderr: 'two\n' })
  await remove(skiff, id)
})

test('with a terminal the log is raw', async () => {
  const id = await finished('echo one; echo two >&2', { Tty: true })
  expect((await logs(id)).toString()).toBe('one\r\ntwo\r\n')
  await remove(skiff, id)
})

describe('a part of the log', () => {
  it('is chosen by number and time', async () => {
    const id = await oneByOne(['1', '2', '3', '4', '5'])
    expect(await text(id, { tail: 2 })).toBe('4\n5\n')
    expect(await text(id, { tail: 'all' })).toBe('1\n2\n3\n4\n5\n')
    expect(await text(id, { tail: 0 })).toBe('')
    const lines = (await text(id, { timestamps: 1 })).trim().split('\n')
    const times = lines.map(line => line.split(' ')[0]!)
    expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    const seconds = (time: string) => `${Math.floor(Date.parse(time) / 1000)}.${time.slice(20, 29)}`
    expect(await text(id, { since: seconds(times[2]!) })).toBe('3\n4\n5\n')
    expect(await text(id, { since: seconds(times[1]!), until: seconds(times[3]!) })).toBe('2\n3\n4\n')
    await remove(skiff, id)
  })

  it('must be of a stream at least', async () => {
    const id = await create(skiff, spec('true'))
    expect(await skiff.api.request('GET', `/containers/${id}/logs`)).toMatchObject({
      status: 400,
      json: { message: 'Bad parameters: you must choose at least one stream' },
    })
    await remove(skiff, id)
  })
})

describe('following', () => {
  it('loses no line and ends with the container', async () => {
    const id = await start(skiff, spec('i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done'))
    const lines = (await text(id, { follow: 1 })).trim().split('\n')
    expect(lines).toEqual(Array.from({ length: 2000 }, (_, index) => String(index + 1)))
    await remove(skiff, id)
  })

  it('loses no line through rotations', async () => {
    const LogConfig = { Type: 'json-file', Config: { 'max-size': '4k', 'max-file': '50' } }
    const id = await create(skiff, spec('i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; done', {}, { LogConfig }))
    await skiff.api.post(`/containers/${id}/start`)
    const lines = (await text(id, { follow: 1 })).trim().split('\n')
    expect(lines).toEqual(Array.from({ length: 500 }, (_, index) => String(index + 1)))
    const files = (await readdir(join(skiff.dataRoot, 'containers', id))).filter(name => name.includes('json.log'))
    expect(files.length).toBeGreaterThan(3)
    expect((await text(id, { tail: 300 })).trim().split('\n').at(0)).toBe('201')
    await remove(skiff, id)
  })

  it('of a container that does not run is over at once', async () => {
    const id = await finished('echo x')
    expect(await text(id, { follow: 1 })).toBe('x\n')
    await remove(skiff, id)
  })

  it('of a container that says nothing costs nothing after the client has gone', async () => {
    const id = await start(skiff, spec('exec sleep 1000'))
    const pid = await skiff.daemonPid()
    const watches = async () => {
      const infos = await Promise.all(
        (await readdir(`/proc/${pid}/fdinfo`)).map(fd => readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '')),
      )
      return infos.join('').match(/^inotify wd:/gm)?.length ?? 0
    }
    const files = async () => {
      const fds = await readdir(`/proc/${pid}/fd`)
      const links = await Promise.all(fds.map(fd => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
      return links.filter(link => link.includes('json.log')).length
    }
    const before = await watches()
    const follow = () => skiff.api.stream('GET', `/containers/${id}/logs`, { query: { stdout: 1, follow: 1 } })
    const streams = await Promise.all(Array.from({ length: 5 }, follow))
    while ((await watches()) === before || (await files()) < 5) await new Promise(resolve => setTimeout(resolve, 10))
    for (const stream of streams) stream.destroy()
    while ((await watches()) > before || (await files()) > 0) await new Promise(resolve => setTimeout(resolve, 10))
    await remove(skiff, id)
  })

  it('costs nothing after the client has gone', async () => {
    const id = await start(skiff, spec('while :; do echo x; sleep 0.01; done'))
    const pid = await skiff.daemonPid()
    const open = async () => (await readdir(`/proc/${pid}/fd`)).length
    const follow = () => skiff.api.stream('GET', `/containers/${id}/logs`, { query: { stdout: 1, follow: 1 } })
    const before = await open()
    const streams = await Promise.all(Array.from({ length: 10 }, follow))
    await Promise.all(streams.map(stream => new Promise(resolve => stream.once('data', resolve))))
    expect(await open()).toBeGreaterThan(before + 10)
    for (const stream of streams) stream.destroy()
    while ((await open()) > before + 2) await new Promise(resolve => setTimeout(resolve, 10))
    await remove(skiff, id)
  })
})

test('rotation keeps the number of files that it is told', async () => {
  const LogConfig = { Type: 'json-file', Config: { 'max-size': '1k', 'max-file': '3' } }
  const id = await finished('i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo $i; done', {}, { LogConfig })
  const files = (await readdir(join(skiff.dataRoot, 'containers', id))).filter(name => name.includes('json.log'))
  expect(files).toHaveLength(3)
  expect((await text(id)).trim().split('\n').at(-1)).toBe('200')
  await remove(skiff, id)
})

test('attributes of labels and variables are shown with details', async () => {
  const LogConfig = { Type: 'json-file', Config: { labels: 'tier', env: 'MODE' } }
  const id = await finished('echo x', { Labels: { tier: 'front' }, Env: ['MODE=a b'] }, { LogConfig })
  expect(await text(id, { details: 1 })).toBe('MODE=a%20b,tier=front x\n')
  await remove(skiff, id)
})

test('the driver none keeps nothing and says so', async () => {
  const id = await finished('echo x', {}, { LogConfig: { Type: 'none', Config: {} } })
  expect(await skiff.api.request('GET', `/containers/${id}/logs`, { query: { stdout: 1 } })).toMatchObject({
    json: { message: 'configured logging driver does not support reading' },
  })
  await remove(skiff, id)
})
