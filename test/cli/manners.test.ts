/** Mistyped words, --debug, env, and the figures for Prometheus. */

import { beforeAll, describe, expect, test, vi } from 'vitest'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { freePort } from './free-port.ts'

let skiff: Daemon
let metricsPort: number

beforeAll(async () => {
  metricsPort = await freePort()
  skiff = await startDaemon({ config: { 'metrics-addr': `127.0.0.1:${metricsPort}` } })
  await importBusybox(skiff)
})

describe('did you mean', () => {
  test.each([
    [['imags'], 'Did you mean: skiff images?'],
    [['rnu', 'busybox'], 'Did you mean: skiff run?'],
    [['network', 'conect'], 'Did you mean: skiff network connect?'],
    [['volum', 'ls'], 'Did you mean: skiff volume?'],
    [['compose', 'donw'], 'Did you mean: skiff compose down?'],
    [['run', '--detatch', 'busybox'], 'unknown flag: --detatch (did you mean --detach?)'],
  ])('%j', async (words, hint) => {
    const { code, stderr } = await cli(skiff, words)
    expect(stderr).toContain(hint)
    expect(code).not.toBe(0)
  })

  test('nothing is suggested for a word that is like no other', async () => {
    expect((await cli(skiff, ['kubernetes'])).stderr).not.toMatch(/mean/)
  })
})

test('--debug shows what goes to the daemon and what comes back, on stderr', async () => {
  const { stdout, stderr } = await cli(skiff, ['--debug', 'ps', '-q'])
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^--> GET \/v1\.47\/containers\/json/m)
  expect(stderr).toMatch(/^<-- 200 GET \/v1\.47\/containers\/json.* \([\d.]+ ms\)$/m)
})

test('--debug shows no password', async () => {
  const { stderr } = await cli(skiff, ['--debug', 'login', '-u', 'me', '--password-stdin', '127.0.0.1:1'], {
    stdin: 'my-secret',
    env: { SKIFF_CONFIG: skiff.folder },
  })
  expect(stderr).toContain('--> POST /v1.47/auth')
  expect(stderr).not.toContain('my-secret')
})

test('tables that Docker has no format for come as JSON, too', async () => {
  await cliOk(skiff, ['run', '-d', '--name', 'tabled', '-p', '127.0.0.1::80', 'busybox', 'sleep', '1000'])
  await cliOk(skiff, ['exec', 'tabled', 'touch', '/new'])
  const rows = async (...words: string[]) =>
    (await cliOk(skiff, words)).split('\n').map(line => JSON.parse(line) as Record<string, string>)
  expect((await rows('top', '--format', 'json', 'tabled'))[0]).toMatchObject({ CMD: 'sleep 1000' })
  expect(await rows('diff', '--format', 'json', 'tabled')).toContainEqual({ Kind: 'A', Path: '/new' })
  const published = { Port: '80/tcp', Address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }
  expect(await rows('port', '--format', 'json', 'tabled')).toEqual([published])
  expect(await rows('port', '--format', 'json', 'tabled', '80')).toEqual([published])
  expect((await cli(skiff, ['diff', '--format', 'yaml', 'tabled'])).stderr).toContain('invalid format "yaml"')
  await cliOk(skiff, ['rm', '-f', 'tabled'])
})

test('env is for the shell', async () => {
  expect(await cliOk(skiff, ['env'])).toBe(`export DOCKER_HOST='unix://${skiff.socket}'`)
})

describe('metrics', () => {
  const figures = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()

  test('containers by state, requests by route, the event loop', async () => {
    await cliOk(skiff, ['run', '-d', '--name', 'counted', 'busybox', 'sleep', '1000'])
    const text = await figures()
    expect(text).toMatch(/^skiff_containers\{state="running"\} 1$/m)
    expect(text).toMatch(/^skiff_containers\{state="exited"\} 0$/m)
    expect(text).toMatch(
      /^skiff_api_request_seconds_count\{method="POST",route="\/containers\/\{id\}\/start",status="204"\} [1-9]\d*$/m,
    )
    expect(text).toMatch(/^nodejs_eventloop_lag_max_seconds [\d.]+$/m)
    // A look at an idle loop takes its ten milliseconds: 0 would be one that nobody looks at.
    expect(Number(/^skiff_event_loop_max_delay_seconds ([\d.]+)$/m.exec(text)?.[1])).toBeGreaterThan(0.005)
    await vi.waitFor(
      async () => expect(await figures()).toMatch(/^skiff_event_loop_longest_delay_seconds_count [1-9]/m),
      {
        timeout: 30_000,
        interval: 200,
      },
    )
    await cliOk(skiff, ['rm', '-f', 'counted'])
    expect(await figures()).toMatch(/^skiff_containers\{state="running"\} 0$/m)
  })

  test('nothing else is served there', async () => {
    expect((await fetch(`http://127.0.0.1:${metricsPort}/containers/json`)).status).toBe(404)
  })
})
