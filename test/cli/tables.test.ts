/**
 * Every table comes as JSON, too. This walks over all commands that there are: a new one fails here until it is said of it whether it
 * prints a table, and how that is asked for as JSON.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { SUBCOMMANDS } from '../../src/cli/compose/registry.ts'
import { COMMANDS } from '../../src/cli/registry.ts'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { startFakeRegistry } from '../support/fake-registry.ts'
import { importBusybox } from '../support/images.ts'

/** Prints names, numbers, lines as they come, or nothing. */
const NONE = 'no table'
type Asked = readonly string[]

/** What is typed after `skiff`: each line of the answer is JSON, or all of it is. REGISTRY stands for the host of one. */
const TABLES: Record<string, typeof NONE | readonly Asked[]> = {
  run: NONE,
  exec: NONE,
  ps: [['ps', '-a', '--format', 'json']],
  pull: NONE,
  push: NONE,
  images: [
    ['images', '--format', 'json'],
    ['images', '--tree', '--format', 'json'],
  ],
  login: NONE,
  logout: NONE,
  search: [['search', '--format', 'json', 'REGISTRY/tool']],
  version: [['version', '--format', 'json']],
  info: [['info', '--format', 'json']],
  build: NONE,
  attach: NONE,
  commit: NONE,
  cp: NONE,
  create: NONE,
  diff: [['diff', '--format', 'json', 'tabled']],
  events: [['events', '--since', '1h', '--until', '0s', '--format', 'json']],
  explain: [
    ['explain', '--json', 'tabled'],
    ['explain', '--format', 'json', 'tabled'],
    ['explain', '--timing', '--format', 'json', 'tabled'],
    ['explain', '--format', 'json', 'busybox'],
    ['explain', '--format', 'json', 'run', 'busybox', 'true'],
  ],
  export: NONE,
  history: [['history', '--format', 'json', 'busybox']],
  import: NONE,
  inspect: [
    ['inspect', 'tabled'],
    ['inspect', '--format', 'json', 'tabled'],
  ],
  kill: NONE,
  load: NONE,
  logs: NONE,
  pause: NONE,
  port: [['port', '--format', 'json', 'tabled']],
  rename: NONE,
  reset: NONE,
  restart: NONE,
  rm: NONE,
  rmi: NONE,
  save: NONE,
  start: NONE,
  stats: [['stats', '--no-stream', '--format', 'json']],
  stop: NONE,
  tag: NONE,
  top: [['top', '--format', 'json', 'tabled']],
  unpause: NONE,
  update: NONE,
  wait: NONE,
  'builder prune': NONE,
  'container inspect': [['container', 'inspect', 'tabled']],
  'container prune': NONE,
  'image inspect': [['image', 'inspect', 'busybox']],
  'image prune': NONE,
  'image tree': [['image', 'tree', '--format', 'json', 'busybox']],
  doctor: [['doctor', '--format', 'json']],
  completion: NONE,
  env: NONE,
  __complete: NONE,
  'system df': [
    ['system', 'df', '--format', 'json'],
    ['system', 'df', '-v', '--format', 'json'],
  ],
  'system dial-stdio': NONE,
  'system prune': NONE,
  'network connect': NONE,
  'network create': NONE,
  'network disconnect': NONE,
  'network inspect': [['network', 'inspect', 'bridge']],
  'network ls': [['network', 'ls', '--format', 'json']],
  'network prune': NONE,
  'network rm': NONE,
  'snapshot create': NONE,
  'snapshot inspect': [['snapshot', 'inspect', 'kept']],
  'snapshot ls': [['snapshot', 'ls', '--format', 'json']],
  'snapshot rm': NONE,
  'volume create': NONE,
  'volume inspect': [['volume', 'inspect', 'tables']],
  'volume ls': [['volume', 'ls', '--format', 'json']],
  'volume prune': NONE,
  'volume rm': NONE,
}

/** The same after `skiff compose`. */
const OF_COMPOSE: typeof TABLES = {
  build: NONE,
  config: [['config', '--format', 'json']],
  cp: NONE,
  create: NONE,
  down: NONE,
  events: [['events', '--since', '1h', '--until', '0s', '--json']],
  exec: NONE,
  images: [['images', '--format', 'json']],
  kill: NONE,
  logs: NONE,
  ls: [['ls', '--format', 'json']],
  pause: NONE,
  port: NONE,
  ps: [['ps', '--format', 'json']],
  pull: NONE,
  push: NONE,
  restart: NONE,
  rm: NONE,
  run: NONE,
  scale: NONE,
  start: NONE,
  stop: NONE,
  top: [['top', '--format', 'json']],
  unpause: NONE,
  up: NONE,
  version: [['version', '--format', 'json']],
  wait: NONE,
  watch: NONE,
}

let skiff: Daemon
let registry: string
let project: string

beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  await cliOk(skiff, [
    'run',
    '-d',
    '--name',
    'tabled',
    '-v',
    'tables:/data',
    '-p',
    '127.0.0.1::80',
    'busybox',
    'sleep',
    '1000',
  ])
  await cliOk(skiff, ['exec', 'tabled', 'touch', '/new'])
  await cliOk(skiff, ['snapshot', 'create', '--pause', 'tabled', 'kept'])
  project = await mkdtemp(join(tmpdir(), 'skiff-tables-'))
  disposeLater(() => rm(project, { recursive: true }))
  const service = "{ image: busybox, command: sh -c 'echo hello; exec sleep 1000', stop_grace_period: 0s }"
  await writeFile(join(project, 'compose.yaml'), `name: tables\nservices: { app: ${service} }\n`)
  await cliOk(skiff, ['compose', 'up', '-d'], { cwd: project })
  const index = await startFakeRegistry()
  index.intercept = ({ url }, response) => {
    if (!url?.startsWith('/v1/search')) return false
    const found = { name: 'tool', description: 'a tool', star_count: 1, is_official: true, is_automated: false }
    response.end(JSON.stringify({ results: [found] }))
    return true
  }
  registry = index.host
})

test('colours are for terminals, and for who wants them', async () => {
  const logs = (env: Record<string, string>, tty: boolean) =>
    cli(skiff, ['compose', 'logs'], { cwd: project, env, tty })
  const coloured = expect.stringContaining('\x1b[36mapp-1')
  expect((await logs({}, true)).stdout).toEqual(coloured)
  for (const { stdout } of [await logs({ NO_COLOR: '1' }, true), await logs({}, false)]) {
    expect(stdout).toMatch(/^app-1\s+\| hello\s*$/)
  }
})

test('every command is listed', () => {
  expect(
    COMMANDS.map(({ spellings }) => spellings[0])
      .filter(name => name !== 'compose')
      .sort(),
  ).toEqual(Object.keys(TABLES).sort())
  expect(SUBCOMMANDS.map(({ name }) => name).sort()).toEqual(Object.keys(OF_COMPOSE).sort())
})

const asked = (tables: typeof TABLES): Asked[] => Object.values(tables).flatMap(how => (how === NONE ? [] : how))

/** One document, or one a line; something must be in it. */
function isJson(text: string): boolean {
  const holds = (json: string): boolean => Object.keys(JSON.parse(json) as object).length > 0
  try {
    return holds(text)
  } catch {
    return text.split('\n').every(holds)
  }
}

describe('as JSON', () => {
  test.each(asked(TABLES).map(words => [words.join(' '), words] as const))('%s', async (_, words) => {
    // doctor tells with its exit code that something is amiss on this machine.
    const { code, stdout, stderr } = await cli(
      skiff,
      words.map(word => word.replace('REGISTRY', registry)),
    )
    expect([words[0] === 'doctor' ? 0 : code, stderr]).toEqual([0, ''])
    expect(stdout.trim()).toSatisfy(isJson)
  })

  test.each(asked(OF_COMPOSE).map(words => [words.join(' '), words] as const))('compose %s', async (_, words) => {
    expect(await cliOk(skiff, ['compose', ...words], { cwd: project })).toSatisfy(isJson)
  })

  test('the rows are those of the table', async () => {
    const rows = async (...words: string[]) =>
      (await cliOk(skiff, words, { cwd: project })).split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
    expect(await rows('compose', 'top', '--format', 'json')).toMatchObject([
      { Service: 'app', Number: '1', CMD: 'sleep 1000' },
    ])
    expect(await rows('images', '--tree', '--format', 'json')).toMatchObject([{ RepoTags: ['busybox:latest'] }])
    const timing = JSON.parse(await cliOk(skiff, ['explain', '--timing', '--format', 'json', 'tabled']))
    expect(timing.acts.map(({ name }: { name: string }) => name)).toEqual(['gather', 'move', 'furnish', 'lock', 'exec'])
    expect(timing.slowest).toHaveLength(10)
  })
})
