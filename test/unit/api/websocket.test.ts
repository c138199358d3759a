import { once } from 'node:events'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createWebSocketStream, WebSocket } from 'ws'
import { stdoutFrame } from '../../../src/api/http/frames.ts'
import { NotFound } from '../../../src/kernel/errors.ts'
import { lines, type PartialServices, raw, serve } from './serve.ts'

const attaching = (stream: Duplex, tty = false): PartialServices => ({
  containers: {
    inspect: async () => ({ id: 'c', config: { tty } }) as never,
    attach: async () => stream,
  },
})

const url = (socket: string) => `ws+unix://${socket}:/containers/c/attach/ws?stream=1&stdin=1&stdout=1`

test('output comes without frames, input reaches the process, the end closes', async () => {
  const [stdin, output] = [new PassThrough(), new PassThrough()]
  const client = new WebSocket(url(await serve(attaching(Duplex.from({ readable: output, writable: stdin })))))
  const stream = createWebSocketStream(client)
  stream.write('typed')
  expect(String((await once(stdin, 'data'))[0])).toBe('typed')
  const frames = Buffer.concat([stdoutFrame('one '), stdoutFrame('two')])
  // Cut in the middle of a header: pieces of a stream know nothing of frames.
  output.write(frames.subarray(0, 15))
  output.end(frames.subarray(15))
  expect(await text(stream)).toBe('one two')
})

test('with a terminal bytes go as they are', async () => {
  const process = new PassThrough()
  const client = createWebSocketStream(new WebSocket(url(await serve(attaching(process, true)))))
  client.end('echoed by the terminal')
  expect(await text(client)).toBe('echoed by the terminal')
})

test('a client that closes lets the process go', async () => {
  const process = new PassThrough()
  const client = new WebSocket(url(await serve(attaching(process))))
  await once(client, 'open')
  const closed = once(process, 'close')
  client.close()
  await closed
})

test('a request that is no WebSocket, and a container that is none, are ordinary errors', async () => {
  const request = (...headers: string[]) => lines('GET /containers/c/attach/ws HTTP/1.1', 'Host: d', ...headers)
  const plain = raw(await serve(), request())
  expect(await plain.rest).toMatch(/^HTTP\/1.1 400 .*\{"message":"not websocket protocol"\}/s)
  const missing = await serve({ containers: { inspect: () => Promise.reject(new NotFound('No such container: c')) } })
  const { rest } = raw(missing, request('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'))
  expect(await rest).toMatch(/^HTTP\/1.1 404 .*No such container: c/s)
})
