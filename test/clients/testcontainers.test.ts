/**
 * Testcontainers for Node, its real package, on our socket: what an integration test does with containers. Its own helper
 * container (Ryuk) is an image of Docker Hub's and switched off, as its documentation says for runners without it.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import { type GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { beforeAll, describe, expect, test } from 'vitest'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { importServices } from '../support/images.ts'
import { startSubject } from './subject.ts'

let engine: Engine
let packages: typeof import('testcontainers')

beforeAll(async () => {
  engine = await startSubject()
  await importServices(engine)
  Object.assign(process.env, {
    DOCKER_HOST: `unix://${engine.socket}`,
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    TESTCONTAINERS_REUSE_ENABLE: 'true',
    // Inside a container it would look for the host's address by running one of Docker Hub's images.
    TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
  })
  // It reads its environment when it is loaded.
  packages = await import('testcontainers')
})

/** Starts a container that goes with the test. */
async function start(container: GenericContainer): Promise<StartedTestContainer> {
  const started = await container.start()
  disposeLater(async () => void (await started.stop({ remove: true, removeVolumes: true })))
  return started
}

const redis = (): GenericContainer =>
  new packages.GenericContainer('services')
    .withCommand(['redis-server', '--protected-mode', 'no', '--save', ''])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/i))

/** One line to a server, and its answer. */
function ask(container: StartedTestContainer, port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(container.getMappedPort(port), container.getHost())
    socket.once('error', reject)
    socket.once('data', data => {
      socket.destroy()
      resolve(String(data))
    })
    socket.write(`${line}\r\n`)
  })
}

describe('redis', () => {
  test('is reached through its mapped port once its log says so; exec, logs and restart', async () => {
    const container = await start(redis())
    expect(await ask(container, 6379, 'SET fruit apple')).toBe('+OK\r\n')
    const { exitCode, output } = await container.exec(['redis-cli', 'GET', 'fruit'])
    expect([exitCode, output]).toEqual([0, 'apple\n'])
    expect((await container.exec(['sh', '-c', 'echo wrong >&2; exit 3'])).exitCode).toBe(3)
    const logs = await container.logs()
    await new Promise<void>(resolve => logs.on('data', line => /Ready to accept/.test(String(line)) && resolve()))
    logs.destroy()
    await container.restart()
    expect(await ask(container, 6379, 'PING')).toBe('+PONG\r\n')
  })

  test('files are copied in before the start, and out of it', async () => {
    const container = await start(
      redis().withCopyContentToContainer([{ content: 'copied', target: '/data/in/note', mode: 0o640 }]),
    )
    expect((await container.exec(['stat', '-c', '%a', '/data/in/note'])).output).toBe('640\n')
    await container.copyContentToContainer([{ content: 'later', target: '/data/in/second' }])
    const archive = await container.copyArchiveFromContainer('/data/in')
    const found: Record<string, string> = {}
    for await (const entry of (archive as NodeJS.ReadableStream).pipe(extract())) {
      if (entry.header.type === 'file') found[entry.header.name] = await text(entry)
      else entry.resume()
    }
    expect(found).toEqual({ 'in/note': 'copied', 'in/second': 'later' })
  })

  test('withReuse finds the container again', async () => {
    const first = await redis().withReuse().start()
    disposeLater(async () => void (await first.stop({ remove: true })))
    expect(await ask(first, 6379, 'SET kept yes')).toBe('+OK\r\n')
    const second = await redis().withReuse().start()
    expect(second.getId()).toBe(first.getId())
    expect(await ask(second, 6379, 'GET kept')).toBe('$3\r\nyes\r\n')
  })
})

test('nginx, waited for by HTTP, with a health check', async () => {
  const container = await start(
    new packages.GenericContainer('services')
      .withCommand(['nginx', '-g', 'daemon off;'])
      .withCopyContentToContainer([{ content: '<h1>served</h1>', target: '/var/www/html/index.html' }])
      .withExposedPorts(80)
      .withHealthCheck({ test: ['CMD-SHELL', 'curl -fs http://localhost/'], interval: 200, timeout: 5000, retries: 50 })
      .withWaitStrategy(Wait.forAll([Wait.forHttp('/', 80), Wait.forHealthCheck(), Wait.forListeningPorts()])),
  )
  const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/`)
  expect(await answer.text()).toBe('<h1>served</h1>')
})

test('mariadb, waited for by a command that succeeds, with its data in memory', async () => {
  const container = await start(
    new packages.GenericContainer('services')
      .withCommand(['sh', '-c', 'mariadb-install-db --user=mysql >/dev/null && exec mariadbd-safe --user=mysql'])
      .withTmpFs({ '/var/lib/mysql': 'rw,mode=755' })
      .withWaitStrategy(Wait.forSuccessfulCommand('mariadb -e "SELECT 1"'))
      .withStartupTimeout(120_000),
  )
  await container.exec([
    'mariadb',
    '-e',
    'CREATE DATABASE shop; CREATE TABLE shop.fruit (name TEXT); INSERT INTO shop.fruit VALUES ("pear")',
  ])
  expect((await container.exec(['mariadb', '-N', '-e', 'SELECT name FROM shop.fruit'])).output).toBe('pear\n')
}, 180_000)

test('containers of one network find each other by their aliases', async () => {
  const network = await new packages.Network().start()
  disposeLater(async () => void (await network.stop()))
  const store = await start(redis().withNetwork(network).withNetworkAliases('store'))
  const client = await start(
    new packages.GenericContainer('services').withCommand(['sleep', '1000']).withNetwork(network),
  )
  expect((await client.exec(['redis-cli', '-h', 'store', 'PING'])).output).toBe('PONG\n')
  expect(store.getIpAddress(network.getName())).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
})

test('an image is built from a Dockerfile and run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skiff-testcontainers-'))
  disposeLater(() => rm(folder, { recursive: true }))
  await writeFile(
    join(folder, 'Dockerfile'),
    'FROM services\nARG WORD\nRUN echo built with $WORD >/word\nCMD ["sleep", "1000"]\n',
  )
  const image = await packages.GenericContainer.fromDockerfile(folder).withBuildArgs({ WORD: 'care' }).build()
  const container = await start(image)
  expect((await container.exec(['cat', '/word'])).output).toBe('built with care\n')
})
