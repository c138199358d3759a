/** Archives that a thread writes to the client's socket itself: src/snapshots/worker/socket-output.ts. */

import { createHash } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { extract } from 'tar-stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { exec, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let daemon: Daemon
const NAME = 'full'
const EXPORT = `/v1.41/containers/${NAME}/export`
const HostConfig = { NetworkMode: 'none' }
/** Empty ones, small ones, one at each border of the sizes that are treated differently, large ones, one with a hole. */
const SIZES = [0, 1, 511, 512, 513, 32767, 32768, 65535, 65536, 65537, 262144, 262145, 1_000_000, 5_000_000]

beforeAll(async () => {
  daemon = await startDaemon()
  await importBusybox(daemon)
  const write = SIZES.map(size => `head -c ${size} /dev/urandom >/data/${size}`).join(';')
  const hole = 'dd if=/dev/urandom of=/data/hole bs=1000 count=1 seek=3000 2>/dev/null'
  const command = `mkdir /data;${write};${hole};for i in $(seq 300); do echo $i >/data/small$i; done`
  const id = await start(
    daemon,
    { Image: 'busybox', Cmd: ['sh', '-c', `${command}; sha256sum /data/* >/sums`], HostConfig },
    NAME,
  )
  expect((await daemon.api.post(`/containers/${id}/wait`)).StatusCode).toBe(0)
}, 60_000)

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const get = (path: string, agent?: Agent): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const options = { socketPath: daemon.socket, path, headers: { Host: 'x' }, ...(agent && { agent }) }
    request(options, resolve).once('error', reject).end()
  })

/** As a client without chunks: the answer ends with the connection. */
async function getOld(path: string): Promise<Buffer> {
  const socket = connect(daemon.socket)
  socket.write(`GET ${path} HTTP/1.0\r\n\r\n`)
  const answer = await buffer(socket)
  const end = answer.indexOf('\r\n\r\n')
  expect(answer.toString('latin1', 0, end)).toMatch(/^HTTP\/1\.\d 200 /)
  return answer.subarray(end + 4)
}

async function contents(archive: Buffer): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  const reader = extract()
  reader.end(archive)
  for await (const entry of reader) found.set(entry.header.name, await buffer(entry))
  return found
}

describe('an archive sent past the main thread', () => {
  it('has the bytes that the container sees', async () => {
    const files = await contents(await buffer(await get(EXPORT)))
    const sums = files.get('sums')?.toString() ?? ''
    const lines = sums.trim().split('\n')
    expect(lines).toHaveLength(SIZES.length + 301)
    for (const line of lines) {
      const [sum, path = ''] = line.split(/\s+/)
      // tar-stream does not know sparse files.
      if (path !== '/data/hole')
        expect({ path, sum: sha256(files.get(path.slice(1)) ?? Buffer.from('?')) }).toEqual({ path, sum })
    }
  })

  it('is the same as one that goes through it', async () => {
    for (const path of [EXPORT, `/v1.41/containers/${NAME}/archive?path=/data`, '/v1.41/images/busybox/get']) {
      expect(sha256(await buffer(await get(path)))).toBe(sha256(await getOld(path)))
    }
  })

  it('leaves the connection fit for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const used = new Set<Socket>()
    for (const path of [EXPORT, '/_ping', EXPORT, '/_ping']) {
      const answer = await get(path, agent)
      used.add(answer.socket)
      expect(answer.statusCode).toBe(200)
      await buffer(answer)
    }
    expect(used.size).toBe(1)
    agent.destroy()
  })

  it('reaches a client that reads now and then', async () => {
    const whole = sha256(await buffer(await get(EXPORT)))
    const hash = createHash('sha256')
    let count = 0
    for await (const chunk of await get(EXPORT)) {
      hash.update(chunk as Buffer)
      if (++count % 50 === 0) await pause(20)
    }
    expect(hash.digest('hex')).toBe(whole)
  })

  it('lets its thread go when the client goes', async () => {
    // More than there are threads: if one were lost each time, the last ones would wait for ever.
    for (let i = 0; i < 12; i++) {
      const answer = await get(EXPORT)
      await new Promise(resolve => answer.once('data', resolve))
      answer.destroy()
    }
    expect((await buffer(await get(EXPORT))).length).toBeGreaterThan(9_000_000)
  })

  it('tells an error before the first byte as an error, and a later one by the end of the connection', async () => {
    expect((await get(`/v1.41/containers/${NAME}/archive?path=/nowhere`)).statusCode).toBe(404)
    const gone = await get('/v1.41/containers/nobody/export')
    expect(gone.statusCode).toBe(404)
    expect(JSON.parse((await buffer(gone)).toString()).message).toBe('No such container: nobody')
  })

  it('keeps what its headers have promised while files become shorter', async () => {
    const spec = { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig, StopSignal: 'SIGKILL' }
    const id = await start(daemon, spec)
    await exec(daemon, id, ['sh', '-c', 'for i in $(seq 40); do head -c 200000 /dev/urandom >/f$i; done'])
    const cutting = exec(daemon, id, [
      'sh',
      '-c',
      'for n in 1 2 3 4 5; do for i in $(seq 40); do : >/f$i; head -c 200000 /dev/zero >/f$i; done; done',
    ])
    for (let i = 0; i < 5; i++) {
      const files = await contents(await buffer(await get(`/v1.41/containers/${id}/export`)))
      expect(files.has('f40')).toBe(true)
    }
    await cutting
    await remove(daemon, id)
  })
})
