/** Commit of a container that does not run: image and container stand on the same folder, and neither notices the other. docs/images.md */

import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { Json } from '../support/client.ts'
import { create, inspect, remove, run, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { removeAll, reset, snapshot } from '../support/snapshots.ts'

const PATIENCE = { timeout: 60_000 }

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

// So that a test which fails does not fail the next.
afterEach(async () => {
  await removeAll(skiff)
  for (const { Id, RepoTags } of await skiff.api.get('/images/json'))
    if (!RepoTags?.includes('busybox:latest')) await skiff.api.delete(`/images/${Id}`, { force: true })
})

const spec = (line: string, host: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', line],
  HostConfig: { NetworkMode: 'none', ...host },
})

async function ended(line: string, host: object = {}): Promise<string> {
  const id = await start(skiff, spec(line, host))
  await wait(skiff, id)
  return id
}

/** It has run a shell line, and goes on. */
async function startedUntilReady(line: string): Promise<string> {
  const id = await start(skiff, spec(`${line}; touch /ready; while :; do sleep 1000; done`))
  const isReady = async () =>
    (await skiff.api.request('HEAD', `/containers/${id}/archive`, { query: { path: '/ready' } })).status
  await expect.poll(isReady, PATIENCE).toBe(200)
  return id
}

const commit = (container: string, repo: string): Promise<Json> =>
  skiff.api.post('/commit', undefined, { container, repo })

/** What a container of an image prints. */
const seen = async (Image: string, line: string): Promise<string> => {
  const { stdout, stderr } = await run(skiff, { ...spec(line), Image })
  return stdout + stderr
}

const layersOf = async (image: string): Promise<string[]> =>
  (await skiff.api.get(`/images/${image}/json`)).RootFS.Layers
const topFolder = async (image: string): Promise<string> =>
  (await skiff.api.get(`/images/${image}/json`)).GraphDriver.Data.UpperDir
const inLayers = (part: string): Promise<string[]> => readdir(join(skiff.dataRoot, 'layers', part))
const frozen = async (): Promise<string[]> => (await inLayers('tree')).filter(name => name.startsWith('_'))

/** The first run fills, the second changes everything in every way. */
const TWICE = `if [ -e /data ]; then
  echo changed >/data/replaced; echo more >>/data/longer; chmod 600 /data/mode; rm /data/gone; rm -r /data/folder; mv /data/old /data/new
  else mkdir -p /data/folder; cd /data; for name in replaced longer mode gone folder/file old; do echo first >$name; done; rm /bin/vi; fi`
const LISTING =
  'cd /data; for file in $(find . -type f | sort); do stat -c "%n %a %h" $file; cat $file; done; ls /bin/vi'

test('what either does afterwards, the other does not see', async () => {
  const id = await ended(TWICE)
  await commit(id, 'committed')
  expect(await frozen()).toHaveLength(1)
  expect(await topFolder('committed')).toContain((await frozen())[0])
  const before = await seen('committed', LISTING)
  // One name each: cron, for one, takes no file that has more.
  expect(before).toContain('./folder/file 644 1\nfirst\n')
  expect(before).toContain('./gone 644 1\nfirst\n')
  expect(before).toMatch(/ls: \/bin\/vi: No such file/)
  const changes = await skiff.api.get(`/containers/${id}/changes`)
  expect(changes).toContainEqual({ Path: '/data/gone', Kind: 1 })
  expect(changes).toContainEqual({ Path: '/bin/vi', Kind: 2 })
  const { SizeRw, SizeRootFs } = await skiff.api.get(`/containers/${id}/json`, { size: true })
  expect(SizeRw).toBe(6 * 'first\n'.length)
  expect(SizeRootFs).toBe((await skiff.api.get('/images/committed/json')).Size)

  await skiff.api.post(`/containers/${id}/start`)
  await wait(skiff, id)
  expect(await seen('committed', LISTING)).toBe(before)
  // A container of the image that changes it, too.
  expect(await seen('committed', `${TWICE}; cat /data/replaced`)).toBe('changed\n')
  await commit(id, 'later')
  const later = await seen('later', LISTING)
  expect(later).toContain('./longer 644 1\nfirst\nmore\n')
  expect(later).toContain('./mode 600 1')
  expect(later).toContain('./new 644 1')
  expect(later).not.toMatch(/gone|folder|old/)
  expect(await layersOf('later')).toHaveLength(2)
  expect((await skiff.api.get(`/containers/${id}/changes`)).map(({ Path }: { Path: string }) => Path)).not.toContain(
    '/data/gone',
  )
})

test('each can go before the other, and nothing is left of both; also by a daemon that was killed', async () => {
  for (const first of ['container', 'image']) {
    const id = await ended('echo x >/file')
    await commit(id, 'committed')
    await skiff.kill9()
    await skiff.restart()
    expect(await frozen()).toHaveLength(1)
    if (first === 'container') {
      await remove(skiff, id)
      await skiff.restart()
      expect(await seen('committed', 'cat /file')).toBe('x\n')
      await skiff.api.delete('/images/committed')
    } else {
      await skiff.api.delete('/images/committed')
      expect(await inLayers('tapes')).toHaveLength(1)
      await skiff.restart()
      await commit(id, 'again')
      expect(await seen('again', 'cat /file')).toBe('x\n')
      await skiff.api.delete('/images/again')
      await remove(skiff, id)
    }
    // Folders are deleted in their own time.
    await expect.poll(frozen, PATIENCE).toEqual([])
    expect(await inLayers('tapes')).toHaveLength(1)
    expect(await inLayers('records')).toHaveLength(1)
    await expect.poll(() => inLayers('staging'), PATIENCE).toEqual([])
  }
})

test('the layer is the one that a copy would be, byte for byte', async () => {
  const id = await startedUntilReady(
    `mkdir /d; ln -s x /d/s; mkfifo /d/f; head -c 300000 /dev/urandom >/d/large; truncate -s 9M /d/sparse; echo y >>/d/sparse
    rm -r /usr/sbin; mkdir /usr/sbin; echo 1 >/usr/sbin/1; chmod 4711 /d/large; chown 12:34 /d/large`,
  )
  await commit(id, 'copied')
  expect(await frozen()).toEqual([])
  await skiff.api.post(`/containers/${id}/kill`)
  await wait(skiff, id)
  await commit(id, 'shared')
  expect(await frozen()).toHaveLength(1)
  const layers = await layersOf('shared')
  expect(layers).toEqual(await layersOf('copied'))

  await skiff.api.delete('/images/copied')
  await skiff.api.delete('/images/shared')
  await commit(id, 'shared')
  const archive = await skiff.api.bytes('/images/shared/get')
  await skiff.api.delete('/images/shared')
  await remove(skiff, id)
  const loaded = await skiff.api.request('POST', '/images/load', {
    body: Readable.from([archive]),
    headers: { 'Content-Type': 'application/x-tar' },
  })
  expect(loaded.text).toContain('Loaded image: shared:latest')
  expect(await layersOf('shared')).toEqual(layers)
})

test('names of one file stay names of one file, and a socket is in no image: copies are made', async () => {
  const linked = await ended('if [ -e /a ]; then echo 2 >>/a; cat /b >/seen; else echo 1 >/a; ln /a /b; fi')
  await commit(linked, 'linked')
  expect(await frozen()).toEqual([])
  await skiff.api.post(`/containers/${linked}/start`)
  await wait(skiff, linked)
  await commit(linked, 'later')
  expect(await seen('later', 'cat /seen')).toBe('1\n2\n')
  expect(await seen('linked', 'cat /a /b')).toBe('1\n1\n')

  const listening = await ended('echo x >/file')
  const folder = openSync(join(skiff.dataRoot, 'roots', listening, 'upper'), 'r')
  const server = createServer().listen(`/proc/self/fd/${folder}/socket`)
  await once(server, 'listening')
  await commit(listening, 'listening')
  server.close()
  closeSync(folder)
  expect(await frozen()).toEqual([])
  expect(await seen('listening', 'ls /socket')).toMatch(/No such file/)
})

test.each([
  [{ Privileged: true }],
  [{ CapAdd: ['SYS_ADMIN'] }],
  [{ Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/other', CgroupPermissions: 'rw' }] }],
])('of one with %j, which may have left something that writes on, a copy is made', async host => {
  await commit(await ended('echo x >/file', host), 'copied')
  expect(await frozen()).toEqual([])
  expect(await seen('copied', 'cat /file')).toBe('x\n')
})

test('one that runs goes on writing to what is its own', async () => {
  const id = await startedUntilReady('echo 1 >/file')
  await commit(id, 'running')
  expect(await frozen()).toEqual([])
  expect((await inspect(skiff, id)).State.Status).toBe('running')
  expect(await seen('running', 'cat /file')).toBe('1\n')
})

test('snapshots and commits of one container do not stand in each other’s way', async () => {
  const id = await ended('echo $((1 + $(cat /count || echo 0))) >/count.new; mv /count.new /count')
  const again = async () => {
    await skiff.api.post(`/containers/${id}/start`)
    await wait(skiff, id)
  }
  await commit(id, 'one')
  await again()
  await snapshot(skiff, id, 'two')
  await again()
  await commit(id, 'three')
  await reset(skiff, id, 'two')
  await commit(id, 'two')
  for (const [image, count] of [
    ['one', '1'],
    ['two', '2'],
    ['three', '3'],
  ])
    expect(await seen(image!, 'cat /count')).toBe(`${count}\n`)
  await skiff.api.delete('/images/one')
  await remove(skiff, id)
  const other = await create(skiff, { ...spec('cat /count >/seen'), Image: '', FromSnapshot: 'two' })
  await skiff.api.post(`/containers/${other}/start`)
  await wait(skiff, other)
  await commit(other, 'seen')
  expect(await seen('seen', 'cat /seen')).toBe('2\n')
})

test('a damaged record of the layer takes nothing from the container', async () => {
  const id = await ended('if [ -e /file ]; then cat /file >/seen; else echo x >/file; fi')
  await commit(id, 'committed')
  const [name] = await frozen()
  await skiff.kill9()
  await writeFile(join(skiff.dataRoot, 'layers/records', `${name}.json`), 'damaged')
  await skiff.restart()
  expect(await frozen()).toEqual([name])
  await skiff.api.post(`/containers/${id}/start`)
  expect(await wait(skiff, id)).toBe(0)
  expect(await skiff.api.get(`/containers/${id}/changes`)).toContainEqual({ Path: '/seen', Kind: 1 })
})
