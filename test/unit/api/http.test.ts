import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Conflict, KernelError, NotFound, NotModified } from '../../../src/kernel/errors.ts'
import { EngineApi } from '../../support/client.ts'
import { lines, raw, serve } from './serve.ts'

const api = async (services = {}, version?: string) => new EngineApi(await serve(services), version)

const failing = (error: Error) => ({ containers: { pause: () => Promise.reject(error) } })

test('ping answers GET and HEAD with what clients negotiate by, and forbids caching', async () => {
  const engine = await api()
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, text } = await engine.request(method, '/_ping')
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'api-version': '1.47',
      ostype: 'linux',
      'docker-experimental': 'false',
      'builder-version': '1',
      server: 'Docker/9.9.9 (linux)',
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      'content-type': 'text/plain; charset=utf-8',
    })
    expect(text).toBe(method === 'GET' ? 'OK' : '')
  }
})

test.each([
  ['GET', '/v1.41/nope'],
  ['POST', '/v1.41/_ping'],
  ['GET', '/v1.41/containers/json/'],
  ['PUT', '/v1.41/info'],
  ['HEAD', '/v1.41/info'],
])('%s %s is no page', async (method, path) => {
  const { status, json } = await (await api()).request(method, path)
  expect(status).toBe(404)
  if (method !== 'HEAD') expect(json).toEqual({ message: 'page not found' })
})

test('versions outside the served range are refused by name, old ones in plain text', async () => {
  const engine = await api()
  const old = await engine.request('GET', '/v1.23/info')
  expect([old.status, old.headers['content-type'], old.text]).toEqual([
    400,
    'text/plain; charset=utf-8',
    'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
  ])
  const young = await engine.request('GET', '/v1.48/info')
  expect([young.status, young.json.message]).toEqual([
    400,
    'client version 1.48 is too new. Maximum supported API version is 1.47',
  ])
})

test.each([
  [new NotFound('No such container: x'), 404],
  [new Conflict('Container x is already paused'), 409],
  [new KernelError('mount', 22), 500],
  [new Error('surprise'), 500],
])('%o becomes %i', async (error, status) => {
  const answer = await (await api(failing(error))).request('POST', '/containers/x/pause')
  expect([answer.status, answer.json]).toEqual([status, { message: error.message }])
})

test('304 has no body', async () => {
  const answer = await (await api(failing(new NotModified('is running')))).request('POST', '/containers/x/pause')
  expect([answer.status, answer.text]).toEqual([304, ''])
})

test('names with slashes and escaped ones reach the service whole', async () => {
  const asked: string[] = []
  const engine = await api({
    images: {
      history: async (name: string) => {
        asked.push(name)
        return []
      },
    },
  })
  await engine.get('/images/docker.io/library/busybox:latest/history')
  await engine.get('/images/host%3A5000%2Fa%2Fb@sha256:00/history')
  expect(asked).toEqual(['docker.io/library/busybox:latest', 'host:5000/a/b@sha256:00'])
})

test('a path that is not clean is sent to the clean one', async () => {
  const { status, headers } = await (await api()).request('GET', '/v1.41//containers/../info?a=b')
  expect([status, headers.location]).toEqual([301, '/v1.41/info?a=b'])
})

test('a request that is no HTTP is told so and cut off', async () => {
  const { rest } = raw(await serve(), 'FOO BAR\r\n\r\n')
  expect(await rest).toMatch(/^HTTP\/1.1 400 Bad Request\r\n.*Connection: close/s)
})

test('several requests share a connection; an idle one is kept', async () => {
  const { socket, rest } = raw(await serve(), lines('GET /_ping HTTP/1.1', 'Host: d'))
  await new Promise(resolve => socket.once('readable', resolve))
  socket.end(lines('GET /_ping HTTP/1.1', 'Host: d', 'Connection: close'))
  expect((await rest).match(/OK/g)).toHaveLength(4) // twice in the status line, twice as the body
})

test('a JSON body above the limit is 413', async () => {
  const body = `{"Image":"${'x'.repeat(17 * 1024 * 1024)}"}`
  const engine = await api()
  const { status } = await engine.request('POST', '/containers/create', {
    body,
    headers: { 'Content-Type': 'application/json' },
  })
  expect(status).toBe(413)
})

test('a form is not JSON', async () => {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const answer = await (await api()).request('POST', '/containers/create', { body: '{}', headers })
  expect([answer.status, answer.json.message]).toEqual([
    400,
    "Content-Type specified (application/x-www-form-urlencoded) must be 'application/json'",
  ])
})

test('a client that goes away aborts what it asked for', async () => {
  let aborted: (() => void) | undefined
  const gone = new Promise<void>(resolve => {
    aborted = resolve
  })
  const path = await serve({
    events: {
      stream: async function* (_: unknown, signal: AbortSignal) {
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        aborted?.()
      },
    },
  } as never)
  const socket = connect(path)
  socket.write(lines('GET /events HTTP/1.1', 'Host: d'))
  // The header comes before there is any event.
  await new Promise<Buffer>(resolve => socket.once('data', resolve))
  socket.destroy()
  await gone
})
