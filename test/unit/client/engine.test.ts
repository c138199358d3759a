/** Requests against a server that behaves as it is told. */

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseAddress } from '../../../src/client/address.ts'
import { Engine } from '../../../src/client/engine.ts'

let folder: string
let server: Server
let answer: (socket: Socket) => void
const sockets = new Set<Socket>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-engine-'))
  server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>(resolve => server.listen(join(folder, 's'), resolve))
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await new Promise(resolve => server.close(resolve))
  await rm(folder, { recursive: true })
})

const connect = (closed?: AbortSignal): Engine =>
  new Engine(parseAddress(`unix://${join(folder, 's')}`), { pinnedVersion: '1.47', closed })

const HEADER = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n'

test('an answer that comes in pieces is whole', async () => {
  answer = socket => {
    socket.write(HEADER)
    socket.write('{"a"', () => setImmediate(() => socket.end(':"b"}')))
  }
  expect(await connect().get('/x')).toEqual({ a: 'b' })
})

test('an answer without a body is nothing', async () => {
  answer = socket => socket.end('HTTP/1.1 204 No Content\r\n\r\n')
  expect(await connect().get('/x')).toBeUndefined()
})

test('an answer that breaks off is a failed connection', async () => {
  answer = socket => {
    socket.write(HEADER)
    socket.write('{"a"', () => socket.destroy())
  }
  await expect(connect().get('/x')).rejects.toThrow(`error during connect: unix://${join(folder, 's')}`)
})

test('who has gone waits neither for an answer nor for the rest of one, and asks no more', async () => {
  const gone = new AbortController()
  const engine = connect(gone.signal)
  const begun = new Promise<void>(resolve => {
    answer = socket => {
      if (sockets.size === 2) socket.write(`${HEADER}{`, () => resolve())
    }
  })
  const pending = Promise.allSettled([engine.get('/silent'), engine.get('/slow')])
  await begun
  gone.abort()
  expect((await pending).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(engine.get('/x')).rejects.toThrow('error during connect')
})
