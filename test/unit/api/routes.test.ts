import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Container } from '../../../src/containers/types.ts'
import type { Image, Progress } from '../../../src/images/types.ts'
import { InvalidParameter, NotFound } from '../../../src/kernel/errors.ts'
import { EngineApi } from '../../support/client.ts'
import { type PartialServices, serve } from './serve.ts'

const api = async (services: PartialServices = {}, version = '1.47') => new EngineApi(await serve(services), version)

/** Calls a method that is expected to take it, and gives what the method was called with. */
async function recorded<T extends unknown[]>(
  room: keyof PartialServices,
  method: string,
  answer: unknown,
  request: (engine: EngineApi) => Promise<unknown>,
): Promise<T> {
  let seen: unknown[] = []
  const record = async (...args: unknown[]) => {
    seen = args
    return answer
  }
  await request(await api({ [room]: { [method]: record } }))
  return seen as T
}

test.each([
  ['', { signal: '', timeoutSeconds: null }],
  ['t=5&signal=INT', { signal: 'INT', timeoutSeconds: 5 }],
  ['t=-1', { signal: '', timeoutSeconds: -1 }],
  ['t=0', { signal: '', timeoutSeconds: 0 }],
])('stop?%s', async (query, options) => {
  const request = (engine: EngineApi) => engine.post(`/containers/web/stop?${query}`)
  expect(await recorded('containers', 'stop', undefined, request)).toEqual(['web', options])
})

test.each([
  ['1', true],
  ['true', true],
  ['True', true],
  ['yes', true],
  ['0', false],
  ['false', false],
  ['False', false],
  ['no', false],
  ['', false],
])('force=%s is %s', async (word, force) => {
  const request = (engine: EngineApi) => engine.delete(`/containers/x?force=${word}&unknown=1`)
  expect(await recorded('containers', 'remove', undefined, request)).toEqual([
    'x',
    { force, volumes: false, link: false },
  ])
})

test.each([
  ['tail=0', { tail: 0 }],
  ['tail=all', { tail: null }],
  ['tail=-1', { tail: null }],
  ['tail=x', { tail: null }],
  ['since=1700000000', { sinceNs: 1_700_000_000_000_000_000n }],
  ['since=1700000000.5', { sinceNs: 1_700_000_000_500_000_000n }],
  ['until=1700000000.123456789', { untilNs: 1_700_000_000_123_456_789n }],
  ['since=0', { sinceNs: null }],
  ['follow=1&timestamps=1&details=1', { follow: true, timestamps: true, details: true }],
])('logs?%s', async (query, options) => {
  const stream = new PassThrough().end()
  const request = (engine: EngineApi) => engine.get(`/containers/x/logs?stdout=1&${query}`)
  const [, asked] = await recorded<[string, object]>('containers', 'logs', { stream, tty: false }, request)
  expect(asked).toMatchObject({ stdout: true, stderr: false, ...options })
})

test.each([
  ['/containers/x/logs', 'Bad parameters: you must choose at least one stream'],
  ['/containers/x/logs?stdout=1&since=x', 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['/containers/json?limit=x', 'strconv.Atoi: parsing "x": invalid syntax'],
  ['/containers/json?filters={"a":["b"]}', "invalid filter 'a'"],
  ['/containers/json?filters=x', "invalid character 'x' looking for beginning of value"],
  ['/images/json?filters={"dangling":["x"]}', "invalid filter 'dangling=[x]'"],
  ['/images/search?term=x&limit=1000', 'Limit 1000 is outside the range of [1, 100]'],
  ['/events?since=10&until=5', '`since` time (10) cannot be after `until` time (5)'],
  ['/containers/x/stats?one-shot=1', 'cannot have stream=true and one-shot=true'],
  ['/containers/x/archive', 'bad parameter: pathcannot be empty'],
])('GET %s is refused', async (path, words) => {
  const { status, json } = await (await api()).request('GET', encodeURI(path))
  expect([status, json]).toEqual([400, { message: words }])
})

test('wait sends its header at once and its body at the end', async () => {
  let finish: ((result: { statusCode: number; error: null }) => void) | undefined
  const end = new Promise<{ statusCode: number; error: null }>(resolve => {
    finish = resolve
  })
  const engine = await api({ containers: { wait: async () => ({ end }) } })
  const answer = await engine.stream('POST', '/containers/x/wait')
  expect(answer.headers['content-type']).toBe('application/json')
  finish?.({ statusCode: 3, error: null })
  const [body] = (await once(answer, 'data')) as [Buffer]
  expect(body.toString()).toBe('{"StatusCode":3}\n')
})

test('an unknown condition to wait for is refused', async () => {
  const { status, json } = await (await api()).request('POST', '/containers/x/wait?condition=foo')
  expect([status, json.message]).toEqual([400, 'invalid condition: "foo"'])
})

test.each([
  ['1.39', { ipcMode: 'shareable', cgroupnsMode: 'host' }],
  ['1.40', { ipcMode: '', cgroupnsMode: 'host' }],
  ['1.47', { ipcMode: '', cgroupnsMode: '' }],
])('what API %s means by nothing', async (version, modes) => {
  let hostConfig: unknown
  const create = async (request: { hostConfig: object }) => {
    hostConfig = request.hostConfig
    return { id: 'x', warnings: [] }
  }
  const engine = await api({ containers: { create } } as never, version)
  expect(await engine.post('/containers/create', { Image: 'a' })).toEqual({ Id: 'x', Warnings: [] })
  expect(hostConfig).toMatchObject(modes)
})

test('starting with a body is refused since 1.24', async () => {
  const { status } = await (await api()).request('POST', '/containers/x/start', { body: { Binds: ['/a:/b'] } })
  expect(status).toBe(400)
})

const image = {
  id: 'sha256:abc',
  repoTags: [] as string[],
  repoDigests: [] as string[],
  config: { labels: {} },
  created: '2026-01-01T00:00:00Z',
  size: 5,
} as unknown as Image

test('an image without a name is told so to old clients', async () => {
  const listed = async (version: string) =>
    (await (await api({ images: { list: async () => [image] } }, version)).get('/images/json'))[0]
  expect(await listed('1.42')).toMatchObject({ RepoTags: ['<none>:<none>'], VirtualSize: 5, Created: 1767225600 })
  const now = await listed('1.47')
  expect(now).toMatchObject({ RepoTags: [], RepoDigests: [], Containers: -1, SharedSize: -1 })
  expect(now).not.toHaveProperty('VirtualSize')
})

test('a container is listed under its image’s id when the name has gone', async () => {
  const imageId = 'sha256:abc'
  const listed = async (name: string, repoTags: string[]) => {
    const container = {
      imageId,
      name: 'c',
      linkNames: ['web/db'],
      path: 'sh',
      args: ['-c', 'echo a b'],
      created: '2026-01-01T00:00:00Z',
      config: { image: name, labels: {} },
      state: { status: 'created' },
      hostConfig: { networkMode: 'none', annotations: {} },
      networkSettings: { ports: { '80/tcp': [{ hostIp: '0.0.0.0', hostPort: '8080' }], '81/udp': null }, networks: {} },
      mounts: [],
    } as unknown as Container
    const engine = await api({
      containers: { list: async () => [{ container, sizes: null }] },
      images: { find: async () => ({ ...image, repoTags }) },
    })
    return (await engine.get('/containers/json'))[0]
  }
  const [kept, gone] = [await listed('docker.io/library/busybox', ['busybox:latest']), await listed('busybox:1', [])]
  expect([kept.Image, gone.Image]).toEqual(['docker.io/library/busybox', imageId])
  expect((await listed('sha256:ab', [])).Image).toBe('sha256:ab')
  expect(kept).toMatchObject({
    Names: ['/c', '/web/db'],
    Command: "sh -c 'echo a b'",
    Status: 'Created',
    Ports: [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 81, Type: 'udp' },
    ],
  })
})

const loading = (steps: Progress[], failure?: Error): PartialServices => ({
  images: {
    load: async (archive, tell) => {
      archive.resume()
      steps.forEach(tell)
      if (failure) throw failure
      return []
    },
  },
})

test('a job that fails before its first step has a status; later it ends the stream', async () => {
  const failure = new InvalidParameter('unexpected EOF')
  const early = await (await api(loading([], failure))).request('POST', '/images/load', { body: 'x' })
  expect([early.status, early.json]).toEqual([400, { message: 'unexpected EOF' }])
  const late = await (await api(loading([{ stream: 'a\n' }], failure))).request('POST', '/images/load', { body: 'x' })
  expect([late.status, late.text.split('\r\n')]).toEqual([
    200,
    ['{"stream":"a\\n"}', '{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}', ''],
  ])
})

test('a quiet load tells only what was loaded', async () => {
  const steps = [{ status: 'Loading layer', id: 'a', current: 1, total: 2 }, { stream: 'Loaded image: a\n' }]
  const { text } = await (await api(loading(steps))).request('POST', '/images/load?quiet=1', { body: 'x' })
  expect(text).toBe('{"stream":"Loaded image: a\\n"}\r\n')
})

test.each(['/swarm', '/services', '/services/x', '/nodes', '/tasks', '/secrets/x', '/configs', '/swarm/unlockkey'])(
  '%s: not a manager',
  async path => {
    const { status, json } = await (await api()).request('GET', path)
    expect([status, json.message]).toEqual([503, expect.stringMatching(/^This node is not a swarm manager\. /)])
  },
)

test('no plugins', async () => {
  const engine = await api()
  expect(await engine.get('/plugins')).toEqual([])
  await expect(engine.get('/plugins/x/json')).rejects.toMatchObject({ status: 404, message: 'plugin "x" not found' })
})

test('what is not built yet says so', async () => {
  const engine = await api()
  for (const [method, path] of [
    ['POST', '/build?version=2'],
    ['POST', '/images/create?fromImage=busybox'],
  ] as const) {
    expect((await engine.request(method, path)).status).toBe(501)
  }
})

test('a hundred clients at once, each with its own answer', async () => {
  const engine = await api({
    containers: { pause: ref => Promise.reject(new NotFound(`No such container: ${ref}`)) },
  })
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`)
  const answers = await Promise.all(names.map(name => engine.request('POST', `/containers/${name}/pause`)))
  expect(answers.map(({ json }) => json.message)).toEqual(names.map(name => `No such container: ${name}`))
})
