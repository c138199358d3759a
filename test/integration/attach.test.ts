/** Attaching: before the start, while it runs, several at once, with input, by detach keys. */

import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { demultiplex } from '../../src/client/demultiplex.ts'
import type { Hijacked } from '../support/client.ts'
import { create, exec, inspect, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const HostConfig = { NetworkMode: 'none' }
const attach = (id: string, query: object = {}): Promise<Hijacked> =>
  skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdout: 1, stderr: 1, ...query } })

/** Resolves when the text has come. */
const until = ({ socket }: Hijacked, wanted: string): Promise<string> =>
  new Promise(resolve => {
    let text = ''
    socket.on('data', chunk => {
      text += String(chunk)
      if (text.includes(wanted)) resolve(text)
    })
  })

describe('before the start', () => {
  it('a client misses nothing', async () => {
    const Cmd = ['sh', '-c', 'i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo $i; done; echo end >&2']
    const id = await create(skiff, { Image: 'busybox', Cmd, HostConfig })
    const clients = await Promise.all([attach(id), attach(id), attach(id, { stdout: 0 })])
    const reading = Promise.all(clients.map(client => client.output()))
    await skiff.api.post(`/containers/${id}/start`)
    const all = Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join('')
    const both = { stdout: all, stderr: 'end\n' }
    expect(await reading).toEqual([both, both, { stdout: '', stderr: 'end\n' }])
    await remove(skiff, id)
  })

  it('a client that goes away is forgotten', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['echo', 'x'], HostConfig })
    const client = await attach(id)
    client.socket.destroy()
    const other = await attach(id)
    const reading = other.output()
    await skiff.api.post(`/containers/${id}/start`)
    expect(await reading).toEqual({ stdout: 'x\n', stderr: '' })
    await remove(skiff, id)
  })

  it('a client is told when the start fails', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['nope'], HostConfig })
    const client = await attach(id)
    const reading = client.output()
    await skiff.api.request('POST', `/containers/${id}/start`)
    expect(await reading).toEqual({ stdout: '', stderr: '' })
    await remove(skiff, id)
  })
})

/** skiff's own: POST /containers/{id}/start/output. */
describe('with the start and the wait in one round trip', () => {
  const path = (id: string) => `/containers/${id}/start/output`
  const startAtOnce = async (id: string, query: object = {}) => {
    const answer = await skiff.api.stream('POST', path(id), { query: { stdout: 1, stderr: 1, ...query } })
    const [out, err] = [new PassThrough(), new PassThrough()]
    const texts = Promise.all([text(out), text(err)])
    const exitCode = await demultiplex(answer, out, err)
    out.end()
    err.end()
    const [stdout, stderr] = await texts
    return { exitCode, stdout, stderr }
  }

  it('come all output and the exit code', async () => {
    const Cmd = ['sh', '-c', 'seq 100000; echo end >&2; exit 7']
    const id = await create(skiff, { Image: 'busybox', Cmd, HostConfig })
    const { exitCode, stdout, stderr } = await startAtOnce(id, { condition: 'next-exit' })
    expect([exitCode, stdout.length, stdout.slice(-7), stderr]).toEqual([7, 588_895, '100000\n', 'end\n'])
    expect(await startAtOnce(id, { condition: 'next-exit', stdout: 0 })).toEqual({
      exitCode: 7,
      stdout: '',
      stderr: 'end\n',
    })
    await remove(skiff, id)
  })

  it('comes the end when the container is removed', async () => {
    const spec = { Image: 'busybox', Cmd: ['false'], HostConfig: { ...HostConfig, AutoRemove: true } }
    const id = await create(skiff, spec)
    expect(await startAtOnce(id, { condition: 'removed' })).toEqual({ exitCode: 1, stdout: '', stderr: '' })
    expect((await skiff.api.request('GET', `/containers/${id}/json`)).status).toBe(404)
  })

  it('comes what one that runs prints from then on', async () => {
    const Cmd = ['sh', '-c', 'mkfifo /gate; echo before; read < /gate; echo after']
    const id = await create(skiff, { Image: 'busybox', Cmd, HostConfig })
    const first = startAtOnce(id, { condition: 'next-exit' })
    while (!(await inspect(skiff, id)).State.Running) await new Promise(resolve => setTimeout(resolve, 10))
    const answer = await skiff.api.stream('POST', path(id), { query: { stdout: 1, condition: 'next-exit' } })
    const [code] = await Promise.all([
      demultiplex(answer, new PassThrough().resume(), new PassThrough()),
      exec(skiff, id, ['sh', '-c', 'while [ ! -p /gate ]; do sleep 0.1; done; echo > /gate']),
    ])
    expect([code, (await first).stdout]).toEqual([0, 'before\nafter\n'])
    await remove(skiff, id)
  })

  it('is refused as a start is, and what is then removed is gone', async () => {
    const spec = { Image: 'busybox', Cmd: ['nope'], HostConfig: { ...HostConfig, AutoRemove: true } }
    const id = await create(skiff, spec)
    const { status, json } = await skiff.api.request('POST', path(id), { query: { stdout: 1, condition: 'removed' } })
    expect([status, json.message]).toEqual([400, expect.stringContaining('executable file not found in $PATH')])
    expect((await skiff.api.request('GET', `/containers/${id}/json`)).status).toBe(404)
    expect((await skiff.api.request('POST', path('nobody'))).json.message).toBe('No such container: nobody')
  })

  it('is refused where there is a terminal', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['true'], Tty: true, HostConfig })
    expect((await skiff.api.request('POST', path(id))).status).toBe(400)
    expect((await inspect(skiff, id)).State.Status).toBe('created')
    await remove(skiff, id)
  })
})

describe('input', () => {
  it('reaches the process, and its end is the end of the process', async () => {
    const spec = {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'tr a-z A-Z; echo over'],
      OpenStdin: true,
      StdinOnce: true,
      HostConfig,
    }
    const id = await create(skiff, spec)
    const client = await attach(id, { stdin: 1 })
    await skiff.api.post(`/containers/${id}/start`)
    const text = 'hello\n'.repeat(50_000)
    const reading = client.output()
    client.end(text)
    expect((await reading).stdout).toBe(`${text.toUpperCase()}over\n`)
    expect(await wait(skiff, id)).toBe(0)
    await remove(skiff, id)
  })

  it('that stays open outlives its clients', async () => {
    const id = await start(skiff, { Image: 'busybox', Cmd: ['cat'], OpenStdin: true, HostConfig })
    const first = await attach(id, { stdin: 1 })
    first.socket.write('one\n')
    await until(first, 'one')
    first.socket.destroy()
    const second = await attach(id, { stdin: 1 })
    second.socket.write('two\n')
    await until(second, 'two')
    expect((await inspect(skiff, id)).State.Running).toBe(true)
    await remove(skiff, id)
  })
})

describe('a terminal', () => {
  it('detaches by its keys and leaves the process alone', async () => {
    const id = await start(skiff, { Image: 'busybox', Cmd: ['cat'], Tty: true, OpenStdin: true, HostConfig })
    const client = await attach(id, { stdin: 1, detachKeys: 'ctrl-a,b' })
    const reading = client.raw()
    client.socket.write('x\n')
    await until(client, 'x')
    client.socket.write('\x01b')
    await reading
    expect((await inspect(skiff, id)).State.Running).toBe(true)
    await remove(skiff, id)
  })

  it('has the size that it is given', async () => {
    const Cmd = ['sh', '-c', 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done']
    const id = await create(skiff, { Image: 'busybox', Cmd, Tty: true, HostConfig })
    const client = await attach(id)
    const ready = until(client, 'ready')
    await skiff.api.post(`/containers/${id}/start`)
    await ready
    const sized = until(client, '33 77')
    await skiff.api.post(`/containers/${id}/resize`, undefined, { h: 33, w: 77 })
    expect(await sized).toContain('33 77')
    await remove(skiff, id)
  })
})

describe('the log', () => {
  it('can come first', async () => {
    const id = await start(skiff, {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo past; cat; echo future'],
      OpenStdin: true,
      StdinOnce: true,
      HostConfig,
    })
    const log = await skiff.api.stream('GET', `/containers/${id}/logs`, { query: { stdout: 1, follow: 1 } })
    await new Promise(resolve => log.once('data', resolve))
    log.destroy()
    const client = await attach(id, { logs: 1, stdin: 1 })
    const reading = client.output()
    client.end('present\n')
    expect((await reading).stdout).toBe('past\npresent\nfuture\n')
    await remove(skiff, id)
  })
})

it('is refused while the container is paused', async () => {
  const id = await start(skiff, { Image: 'busybox', Cmd: ['cat'], OpenStdin: true, HostConfig }, 'frozen')
  await skiff.api.post(`/containers/${id}/pause`)
  await expect(attach(id)).rejects.toThrow('container frozen is paused, unpause the container before attach')
  await remove(skiff, id)
})
