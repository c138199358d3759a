/**
 * A project of built images, redis and mariadb by skiff's own compose and by Debian's docker-compose 1.29 on skiff's socket; and
 * each of the two going on with what the other one has begun.
 */

import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../cli/free-port.ts'
import { openCommand } from '../support/cli.ts'
import type { Json } from '../support/client.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox, importServices } from '../support/images.ts'

const SHOP = fileURLToPath(new URL('shop', import.meta.url))
const isInstalled = spawnSync('docker-compose', ['version']).status === 0
/** mariadb fills its data folder first. */
const PATIENCE = { timeout: 240_000 }

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await Promise.all([importBusybox(skiff), importServices(skiff)])
})

type Env = Record<string, string>
/** Runs a command of compose in a folder; it must succeed. Answers all that it said. */
type Compose = (folder: string, args: readonly string[], env?: Env) => Promise<string>

const running =
  (command: () => readonly string[], own: () => Env = () => ({})): Compose =>
  async (cwd, args, env = {}) => {
    const session = openCommand([...command(), ...args], { cwd, env: { ...own(), ...env } })
    session.end()
    const { code, stdout, stderr } = await session.result
    if (code !== 0) throw new Error(`${command().join(' ')} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`)
    return stdout + stderr
  }

const ours = running(() => [...skiff.command, 'compose'])
const theirs = running(
  () => ['docker-compose'],
  () => ({ DOCKER_HOST: `unix://${skiff.socket}`, COMPOSE_DOCKER_CLI_BUILD: '0', DOCKER_BUILDKIT: '0' }),
)

/** A folder whose name is the project's; taken down and removed after the test. */
async function folderFor(name: string): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'skiff-compose-'))
  const folder = join(parent, name)
  await mkdir(folder)
  disposeLater(async () => {
    await ours(tmpdir(), ['-p', name, 'down', '-v', '-t', '0', '--remove-orphans'])
    await rm(parent, { recursive: true })
  })
  return folder
}

/** Ids by service. */
async function containers(project: string): Promise<Record<string, string>> {
  const filters = { label: [`com.docker.compose.project=${project}`] }
  const found: Json[] = await skiff.api.get('/containers/json', { all: true, filters })
  return Object.fromEntries(found.map(({ Id, Labels }) => [Labels['com.docker.compose.service'], Id]))
}

async function nothingLeft(project: string): Promise<void> {
  expect(await containers(project)).toEqual({})
  expect((await skiff.api.get('/networks')).filter(({ Name }: Json) => Name.startsWith(`${project}_`))).toEqual([])
  expect(((await skiff.api.get('/volumes')).Volumes ?? []).map(({ Name }: Json) => Name)).toEqual([])
}

const page = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/cgi-bin/index.cgi', agent: false }, answer =>
      resolve(text(answer)),
    )
    request.once('error', reject)
  })

/** The page as soon as the web server answers: docker-compose 1.29 does not wait for that. */
async function pageWhenReady(port: number): Promise<string> {
  for (;;) {
    const answer = await page(port).catch(() => '')
    if (answer) return answer
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

describe.each([
  ['skiff compose', 'ours', ours, true],
  ['docker-compose', 'theirs', theirs, isInstalled],
] as const)('the shop by %s', (_name, project, compose, runs) => {
  test.skipIf(!runs)('opens, counts, changes one service alone, and leaves nothing', PATIENCE, async () => {
    const folder = await folderFor(project)
    await cp(SHOP, folder, { recursive: true })
    const port = await freePort()
    const env = { PORT: String(port) }
    await compose(folder, ['-f', 'compose.yaml', 'up', '-d', '--build'], env)
    expect(await pageWhenReady(port)).toBe('Welcome, visitor 1: all is on sale\n')
    expect(await page(port)).toBe('Welcome, visitor 2: all is on sale\n')
    const before = await containers(project)
    expect(Object.keys(before).sort()).toEqual(['db', 'redis', 'seed', 'web'])
    await compose(folder, ['-f', 'compose.yaml', 'up', '-d'], { ...env, GREETING: 'Hello' })
    const after = await containers(project)
    expect({ ...after, web: '' }).toEqual({ ...before, web: '' })
    expect(after.web).not.toBe(before.web)
    expect(await pageWhenReady(port)).toBe('Hello, visitor 3: all is on sale\n')
    const rows = [
      'exec',
      '-T',
      'db',
      'mariadb',
      '-N',
      '-u',
      'app',
      '-papp',
      'app',
      '-e',
      'select count(*) from lines_of_day',
    ]
    expect(await compose(folder, ['-f', 'compose.yaml', ...rows], env)).toContain('1\n')
    await compose(folder, ['-f', 'compose.yaml', 'down', '-v', '--rmi', 'local'], env)
    await nothingLeft(project)
    const images = (await skiff.api.get('/images/json')).flatMap(({ RepoTags }: Json) => RepoTags ?? [])
    expect(images.filter((name: string) => name.startsWith(project))).toEqual([])
  })
})

const PAIR = `version: "2.4"
services:
  db: {image: busybox, command: sleep 100000, init: true, volumes: ["data:/data", /anonymous], stop_grace_period: 0s}
  web: {image: busybox, command: sleep 100000, init: true, depends_on: [db], environment: {A: "$LETTER"}, stop_grace_period: 0s}
volumes: {data: {}}
`

describe.skipIf(!isInstalled).each([
  ['docker-compose takes over from skiff compose', 'oneway', ours, theirs],
  ['skiff compose takes over from docker-compose', 'otherway', theirs, ours],
] as const)('%s', (_name, project, first, second) => {
  test('finds its containers, keeps its volumes, makes them anew, and takes all down', PATIENCE, async () => {
    const folder = await folderFor(project)
    await writeFile(join(folder, 'docker-compose.yml'), PAIR)
    await first(folder, ['up', '-d'], { LETTER: '1' })
    await first(folder, ['exec', '-T', 'db', 'sh', '-c', 'echo kept >/data/file; echo kept too >/anonymous/file'])
    const before = await containers(project)
    expect(await second(folder, ['ps', '-q'])).toContain(before.web?.slice(0, 12))
    expect(await second(folder, ['exec', '-T', 'web', 'sh', '-c', 'echo a$A'])).toContain('a1\n')
    // Their fingerprints differ: everything is made anew once, and then stays.
    await second(folder, ['up', '-d'], { LETTER: '2' })
    const after = await containers(project)
    expect(Object.keys(after).sort()).toEqual(['db', 'web'])
    expect(after.db).not.toBe(before.db)
    expect(await second(folder, ['exec', '-T', 'db', 'cat', '/data/file', '/anonymous/file'])).toContain(
      'kept\nkept too\n',
    )
    await second(folder, ['up', '-d'], { LETTER: '2' })
    expect(await containers(project)).toEqual(after)
    await second(folder, ['stop', '-t', '0'])
    await second(folder, ['start'])
    await second(folder, ['up', '-d', '--scale', 'web=2'], { LETTER: '2' })
    expect(await first(folder, ['exec', '-T', '--index', '2', 'web', 'sh', '-c', 'echo second $A'])).toContain(
      'second 2\n',
    )
    await second(folder, ['down', '-v', '-t', '0'])
    expect(await containers(project)).toEqual({})
  })
})
