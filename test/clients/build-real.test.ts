/**
 * Dockerfiles as they are found in the wild, built by skiff and by the real `docker build`, then run and used: redis compiled from
 * source, nginx with an archive, a web application on tomcat. They fetch Debian packages; without a mirror they cannot be tried.
 */

import { spawnSync } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importDebian } from '../support/images.ts'
import { run, temporaryFolder } from '../support/layer-room.ts'

const DOCKERFILES = fileURLToPath(new URL('dockerfiles', import.meta.url))
const MIRROR = 'http://deb.debian.org/debian/dists/bookworm/InRelease'
const hasMirror = spawnSync('curl', ['-sfI', '-m', '20', MIRROR]).status === 0
/** Only a guard: compiling takes its time on a busy machine. */
const PATIENCE = 900_000

let skiff: Daemon
let docker: Daemon
let folder: string
beforeAll(async () => {
  skiff = await startDaemon()
  docker = Object.create(skiff, { command: { value: ['docker', '-H', `unix://${skiff.socket}`] } })
  await importDebian(skiff)
  folder = await temporaryFolder()
  await cp(DOCKERFILES, folder, { recursive: true })
  await mkdir(join(folder, 'site'))
  await writeFile(join(folder, 'site/index.html'), '<h1>added</h1>\n')
  await run('tar', ['-C', join(folder, 'site'), '-czf', join(folder, 'nginx/site.tar.gz'), 'index.html'])
})

const build = (client: Daemon, name: string): Promise<string> =>
  cliOk(client, ['build', '-q', '-t', `${client === docker ? 'docker' : 'skiff'}-${name}`, join(folder, name)], {
    env: { DOCKER_BUILDKIT: '0' },
  })

/** The first builds, the second finds it all in the cache: their image is the same. */
async function buildByBoth(name: string, [first, second]: readonly [Daemon, Daemon]): Promise<void> {
  const id = await build(first, name)
  expect(await build(second, name)).toBe(id)
}

const start = (image: string, name: string): Promise<string> => cliOk(skiff, ['run', '-d', '--name', name, image])
const inside = async (name: string, ...command: string[]): Promise<string> =>
  (await cli(skiff, ['exec', name, ...command])).stdout.trim()

test.skipIf(!hasMirror)('redis, compiled in one stage and run in another', { timeout: PATIENCE }, async () => {
  await buildByBoth('redis', [skiff, docker])
  await start('docker-redis', 'redis')
  await expect.poll(() => inside('redis', 'redis-cli', 'set', 'a', '41'), { timeout: 60_000 }).toBe('OK')
  expect(await inside('redis', 'redis-cli', 'incr', 'a')).toBe('42')
  const health = async () => (await skiff.api.get('/containers/redis/json')).State.Health.Status
  await expect.poll(health, { timeout: 60_000 }).toBe('healthy')
  // The compiler stayed behind.
  expect((await cli(skiff, ['exec', 'redis', 'gcc', '--version'])).code).not.toBe(0)
})

test.skipIf(!hasMirror)('nginx with an archive that was added', { timeout: PATIENCE }, async () => {
  await buildByBoth('nginx', [docker, skiff])
  const page = async (port: number, path: string) => {
    const { NetworkSettings } = await skiff.api.get('/containers/nginx/json')
    return (await run('curl', ['-s', `http://${NetworkSettings.IPAddress}:${port}${path}`])).stdout
  }
  await start('skiff-nginx', 'nginx')
  await expect.poll(() => page(80, '/').catch(() => ''), { timeout: 60_000 }).toBe('<h1>added</h1>\n')
  expect(await page(8080, '/health')).toMatch(/^fine /)
})

test.skipIf(!hasMirror)('a web application on tomcat', { timeout: PATIENCE }, async () => {
  await buildByBoth('tomcat', [skiff, docker])
  await start('skiff-tomcat', 'tomcat')
  const { NetworkSettings } = await skiff.api.get('/containers/tomcat/json')
  const page = async () => (await run('curl', ['-s', `http://${NetworkSettings.IPAddress}:8080/app/`])).stdout.trim()
  await expect.poll(() => page().catch(() => ''), { timeout: 180_000, interval: 1000 }).toBe('six times seven is 42')
})
