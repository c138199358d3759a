/** The log drivers local, none, syslog and journald: what comes to the receiver, and what `logs` reads here. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { outputOf } from '../support/client.ts'
import { create, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { datagramServer, type LogServer, streamServer, udpServer } from '../support/log-servers.ts'

let skiff: Daemon
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-syslog-'))
  skiff = await startDaemon({ env: { SKIFF_JOURNAL_SOCKET: join(folder, 'journal') } })
  await importBusybox(skiff)
})
afterAll(() => rm(folder, { recursive: true }))

type Options = Record<string, string>
const spec = (line: string, Type: string, Config: Options = {}, own: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', line],
  HostConfig: { NetworkMode: 'none', LogConfig: { Type, Config } },
  ...own,
})
const logs = async (id: string, query: object = {}): Promise<string> =>
  outputOf(await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1, ...query })).stdout

async function hasShim(id: string): Promise<boolean> {
  const processes = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(processes.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.some(line => line.startsWith(`skiff-shim\0${id}`))
}

const refusal = async (Type: string, Config: Options) =>
  (await skiff.api.request('POST', '/containers/create', { body: spec('true', Type, Config) })).json.message

describe('options', () => {
  // The words are those of the reference engine.
  it.each([
    ['local', { tag: 'x' }, "unknown log opt 'tag' for log driver local"],
    [
      'local',
      { compress: 'maybe' },
      'error reading compress log option: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ['local', { 'max-file': '1' }, 'compression cannot be enabled when max file count is 1'],
    ['local', { 'max-size': '1x' }, "invalid value for max-size: 1x: invalid size: '1x'"],
    ['json-file', { foo: 'x' }, "unknown log opt 'foo' for json-file log driver"],
    ['json-file', { compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
    ['json-file', { mode: 'foo' }, 'logger: logging mode not supported: foo'],
    [
      'json-file',
      { 'max-buffer-size': '1m' },
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    ['json-file', { 'cache-disabled': 'foo' }, 'invalid value for option cache-disabled: foo'],
    [
      'json-file',
      { tag: '{{.Foo}}' },
      `template: log-tag:1:2: executing "log-tag" at <.Foo>: can't evaluate field Foo in type *logger.Info`,
    ],
    ['journald', { foo: 'x' }, "unknown log opt 'foo' for journald log driver"],
    ['syslog', { foo: 'x' }, "unknown log opt 'foo' for syslog log driver"],
    ['syslog', { 'syslog-address': 'foo' }, 'syslog-address should be in form proto://address, got foo'],
    ['syslog', { 'syslog-address': 'http://x' }, 'syslog-address should be in form proto://address, got http://x'],
    ['syslog', { 'syslog-address': 'unix:///nonexistent' }, 'stat /nonexistent: no such file or directory'],
    [
      'syslog',
      { 'syslog-address': 'tcp+tls://x:1' },
      'syslog-address tcp+tls:// is not supported: skiff sends syslog without TLS',
    ],
    ['syslog', { 'syslog-facility': 'foo' }, 'invalid syslog facility'],
    ['syslog', { 'syslog-format': 'foo' }, 'Invalid syslog format'],
    ['fluentd', {}, 'error looking up logging plugin fluentd: plugin "fluentd" not found'],
  ])('%s %j', async (type, config, words) => {
    expect(await refusal(type, config as Options)).toBe(words)
  })

  it('are listed by info', async () => {
    const info = await skiff.api.get('/info')
    expect([info.LoggingDriver, info.Plugins.Log]).toEqual(['json-file', ['journald', 'json-file', 'local', 'syslog']])
  })
})

test('local keeps its log in files of its own', async () => {
  const options = { 'max-size': '1k', 'max-file': '20' }
  const id = await start(skiff, spec('i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; done', 'local', options))
  await wait(skiff, id)
  const { LogPath, HostConfig } = await skiff.api.get(`/containers/${id}/json`)
  expect([LogPath, HostConfig.LogConfig]).toEqual(['', { Type: 'local', Config: options }])
  expect(await logs(id)).toBe(Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join(''))
  expect(await logs(id, { tail: 2 })).toBe('99\n100\n')
  const files = await readdir(join(skiff.dataRoot, 'containers', id, 'local-logs'))
  expect(files).toContain('container.log')
  expect((await readdir(join(skiff.dataRoot, 'containers', id))).filter(name => name.includes('json.log'))).toEqual([])
  await remove(skiff, id)
})

test('none cannot be read: 501', async () => {
  const id = await start(skiff, spec('echo x', 'none'))
  await wait(skiff, id)
  expect(await skiff.api.request('GET', `/containers/${id}/logs`, { query: { stdout: 1 } })).toMatchObject({
    status: 501,
    json: { message: 'configured logging driver does not support reading' },
  })
  await remove(skiff, id)
})

describe('syslog', () => {
  const MONTH = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
  const STAMP = `${MONTH} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d`
  const ISO = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d'
  const host = hostname()

  const kinds: [string, () => Promise<LogServer>, Options, (id: string) => [string, string]][] = [
    [
      'tcp',
      () => streamServer(0),
      {},
      id => [`<30>${STAMP} ${id}\\[\\d+\\]: out`, `<27>${STAMP} ${id}\\[\\d+\\]: err`],
    ],
    [
      'unix',
      () => streamServer(join(folder, 'stream')),
      { 'syslog-format': 'rfc3164', tag: '{{.Name}}/x', 'syslog-facility': 'local7' },
      () => [
        `<190>${STAMP} ${host} syslog-unix/x\\[\\d+\\]: out`,
        `<187>${STAMP} ${host} syslog-unix/x\\[\\d+\\]: err`,
      ],
    ],
    [
      'udp',
      udpServer,
      { 'syslog-format': 'rfc5424', 'syslog-facility': '0' },
      id => [`<6>1 ${ISO}Z ${host} ${id} \\d+ ${id} - out\n`, `<3>1 ${ISO}Z ${host} ${id} \\d+ ${id} - err\n`],
    ],
    [
      'unixgram',
      () => datagramServer(join(folder, 'datagrams')),
      { 'syslog-format': 'rfc5424micro', tag: 't' },
      () => [`<30>1 ${ISO}\\.\\d{6}Z ${host} t \\d+ t - out\n`, `<27>1 ${ISO}\\.\\d{6}Z ${host} t \\d+ t - err\n`],
    ],
  ]
  it.each(kinds)('over %s', async (kind, listen, options, expected) => {
    const server = await listen()
    const body = spec('echo out; echo; sleep 0.1; echo err >&2', 'syslog', {
      'syslog-address': server.address,
      ...options,
    })
    const id = await create(skiff, body, `syslog-${kind}`)
    await skiff.api.post(`/containers/${id}/start`)
    const messages = await server.until(2)
    for (const [index, pattern] of expected(id.slice(0, 12)).entries())
      expect(messages[index]).toMatch(new RegExp(`^${pattern}$`))
    await wait(skiff, id)
    expect(await logs(id)).toBe('out\n\n')
    await remove(skiff, id)
    await server.stop()
    // The empty line is no message.
    expect(messages).toHaveLength(2)
  })

  it('without a copy cannot be read', async () => {
    const server = await streamServer(0)
    const options = { 'syslog-address': server.address, 'cache-disabled': 'true' }
    const id = await start(skiff, spec('echo x', 'syslog', options))
    expect(await server.until(1)).toEqual([expect.stringMatching(/: x$/)])
    await wait(skiff, id)
    expect((await skiff.api.request('GET', `/containers/${id}/logs`, { query: { stdout: 1 } })).status).toBe(501)
    expect((await readdir(join(skiff.dataRoot, 'containers', id))).filter(name => name.includes('log'))).toEqual([])
    await remove(skiff, id)
  })

  it('that is not there keeps the container from starting', async () => {
    const server = await streamServer(0)
    await server.stop()
    const id = await create(skiff, spec('true', 'syslog', { 'syslog-address': server.address }))
    const address = server.address.slice('tcp://'.length)
    expect(await skiff.api.request('POST', `/containers/${id}/start`)).toMatchObject({
      status: 500,
      json: { message: `failed to initialize logging driver: dial tcp ${address}: connect: connection refused` },
    })
    await remove(skiff, id)
  })

  it('goes on while there is no daemon', async () => {
    const server = await streamServer(0)
    const id = await start(
      skiff,
      spec('while :; do echo x; sleep 0.05; done', 'syslog', { 'syslog-address': server.address }),
    )
    await server.until(1)
    await skiff.kill9()
    await server.until(server.messages.length + 5)
    await skiff.restart()
    await server.until(server.messages.length + 2)
    expect((await logs(id)).split('\n').length).toBeGreaterThan(8)
    await remove(skiff, id)
  })

  it('that goes away and comes back is sent what comes then; the container goes on', async () => {
    const path = join(folder, 'restarted')
    const first = await streamServer(path)
    const loop = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done'
    const id = await start(skiff, spec(loop, 'syslog', { 'syslog-address': first.address }))
    await first.until(3)
    await first.stop()
    const before = first.messages.length
    while ((await logs(id)).trim().split('\n').length < before + 5)
      await new Promise(resolve => setTimeout(resolve, 20))
    const second = await streamServer(path)
    const numbers = (await second.until(10)).map(message => Number(/: (\d+)$/.exec(message)?.[1]))
    // What waited for the receiver comes first, in order and without a gap.
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
    await remove(skiff, id)
  })

  const TORRENT = 'yes 0123456789abcdef0123456789abcdef | head -n 300000'

  it('that is slow holds up the container and gets everything', async () => {
    const server = await streamServer(0)
    const options = { 'syslog-address': server.address, 'cache-disabled': 'true' }
    const id = await start(skiff, spec(`read go; ${TORRENT}`, 'syslog', options, { OpenStdin: true, StdinOnce: true }))
    const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
    server.pause()
    client.socket.write('go\n')
    // Long enough for more than all buffers hold, and much less than what counts as taking nothing at all.
    await new Promise(resolve => setTimeout(resolve, 1000))
    server.resume()
    await wait(skiff, id)
    expect(await server.until(300_000)).toHaveLength(300_000)
    client.socket.destroy()
    await remove(skiff, id)
  })

  it.each([
    ['non-blocking', { mode: 'non-blocking', 'max-buffer-size': '64k' }],
    ['blocking', {}],
  ])('that takes nothing at all does not hold a container for ever: %s', async (_mode, options) => {
    const server = await streamServer(0)
    server.pause()
    const id = await start(skiff, spec(TORRENT, 'syslog', { 'syslog-address': server.address, ...options }))
    expect(await wait(skiff, id)).toBe(0)
    // The copy here is complete.
    expect((await logs(id)).split('\n')).toHaveLength(300_001)
    await remove(skiff, id)
    // The shim tries a moment longer.
    while (await hasShim(id)) await new Promise(resolve => setTimeout(resolve, 50))
  })
})

describe('journald', () => {
  it('gets Docker’s fields', async () => {
    const journal = await datagramServer(join(folder, 'journal'))
    const own = { Labels: { 'a.b': '1', _c: 'x\ny' }, Env: ['MODE=fast'] }
    const options = { labels: 'a.b,_c', env: 'MODE', tag: '{{.Name}}' }
    const id = await create(skiff, spec('echo out; sleep 0.1; printf err >&2', 'journald', options, own), 'journaled')
    await skiff.api.post(`/containers/${id}/start`)
    const [out, err] = await journal.until(2)
    const fields = [
      'A_B=1\nC\n\x03\0\0\0\0\0\0\0x\ny\nMODE=fast\n',
      `CONTAINER_ID=${id.slice(0, 12)}\nCONTAINER_ID_FULL=${id}\nCONTAINER_NAME=journaled\nCONTAINER_TAG=journaled\n`,
      'IMAGE_NAME=busybox\nSYSLOG_IDENTIFIER=journaled\n',
    ].join('')
    const timeless = (message = ''): string => message.replace(/SYSLOG_TIMESTAMP=[\dT:.Z-]+\n/, '')
    expect(timeless(out)).toBe(`${fields}PRIORITY=6\nMESSAGE=out\n`)
    expect(timeless(err)).toBe(`${fields}PRIORITY=3\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=err\n`)
    await wait(skiff, id)
    expect(await logs(id)).toBe('out\n')
    await remove(skiff, id)
    await journal.stop()
  })

  it('that is not there keeps the container from starting', async () => {
    const id = await create(skiff, spec('true', 'journald'))
    expect(await skiff.api.request('POST', `/containers/${id}/start`)).toMatchObject({
      status: 500,
      json: { message: 'failed to initialize logging driver: journald is not enabled on this host' },
    })
    await remove(skiff, id)
  })
})
