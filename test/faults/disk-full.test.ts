/** A full disk: what cannot be written is refused, what runs goes on, and when there is room again all is as it should be. */

import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm, rmdir, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli } from '../support/cli.ts'
import { create, exec, inspect, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { fixture, importBusybox, importImage } from '../support/images.ts'
import { RUN } from '../support/machine.ts'
import { reset, snapshot, snapshotNames } from '../support/snapshots.ts'

const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }

let disk: string
let execRoot: string
let skiff: Daemon
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), `skiff-disk-${RUN}-`))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk])
  // As on a machine: /run is another file system, and has room.
  execRoot = await mkdtemp(join(tmpdir(), `skiff-run-${RUN}-`))
  skiff = await startDaemon({ parent: disk, args: ['--exec-root', execRoot] })
  await importBusybox(skiff)
})
afterAll(async () => {
  try {
    // It may not have come up.
    await (skiff as Daemon | undefined)?.stop()
  } finally {
    execFileSync('umount', [disk])
    await rmdir(disk)
    await rm(execRoot, { recursive: true })
  }
})

const filler = () => join(disk, 'filler')
/** Not a byte is left. */
async function fill(): Promise<void> {
  for (const size of [1 << 20, 4096]) {
    try {
      for (;;) await writeFile(filler(), Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    }
  }
}
const free = () => rm(filler(), { force: true })

test('a create is refused in words and leaves nothing', async () => {
  await fill()
  const { status, json } = await skiff.api.request('POST', '/containers/create', { body: SLEEP })
  expect(status).toBe(500)
  expect(json.message).toMatch(/ENOSPC|no space left/i)
  const env = { DOCKER_CLI_HINTS: 'true' }
  expect((await cli(skiff, ['create', '--network', 'none', 'busybox'], { env })).stderr).toContain(
    '\nhint: skiff system df shows what takes the space, skiff system prune frees what nobody uses\n',
  )
  expect(await skiff.api.get('/containers/json', { all: true })).toEqual([])
  expect(await readdir(join(skiff.dataRoot, 'containers'))).toEqual([])
  expect(await readdir(join(skiff.dataRoot, 'roots'))).toEqual([])
  await free()
  await remove(skiff, await start(skiff, SLEEP))
})

test('a start that cannot be recorded is undone, and works later', async () => {
  const id = await create(skiff, SLEEP)
  await fill()
  const { status, json } = await skiff.api.request('POST', `/containers/${id}/start`)
  expect([status, json.message]).toEqual([500, expect.stringMatching(/ENOSPC|no space left/i)])
  expect((await inspect(skiff, id)).State).toMatchObject({ Running: false, Pid: 0 })
  await free()
  await skiff.api.post(`/containers/${id}/start`)
  expect((await inspect(skiff, id)).State.Running).toBe(true)
  await remove(skiff, id)
})

test('an end that cannot be recorded is told to who waits, and known to the next daemon', async () => {
  const id = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'read x; exit 6'], OpenStdin: true, StdinOnce: true })
  const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
  await fill()
  const ended = wait(skiff, id)
  client.end('go\n')
  expect(await ended).toBe(6)
  expect((await inspect(skiff, id)).State).toMatchObject({ Status: 'exited', ExitCode: 6 })
  await skiff.kill9()
  await free()
  await skiff.restart()
  expect((await inspect(skiff, id)).State).toMatchObject({ Status: 'exited', ExitCode: 6 })
  await remove(skiff, id)
})

test('a log that cannot grow does not stop the process, and removal makes room', async () => {
  const id = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'yes; exit 1 || true'] })
  await fill()
  expect((await inspect(skiff, id)).State.Running).toBe(true)
  expect((await skiff.api.request('GET', '/containers/json')).status).toBe(200)
  await truncate(filler(), 0)
  await remove(skiff, id)
  await free()
})

const staging = () => readdir(join(skiff.dataRoot, 'layers/staging'))
const images = async (): Promise<string[]> =>
  (await skiff.api.get('/images/json')).flatMap(({ RepoTags }: { RepoTags: string[] }) => RepoTags).sort()

test('an import, a load and a commit are refused in words and leave nothing', { timeout: 120_000 }, async () => {
  // What the container before has logged fills the disk until it is deleted.
  await expect.poll(() => readdir(join(skiff.dataRoot, 'trash')), { timeout: 60_000 }).toEqual([])
  const id = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'seq 100000 >/numbers'] })
  await wait(skiff, id)
  await fill()
  const refused = /ENOSPC|no space left/i
  await expect(importImage(skiff, await fixture('busybox.tar'), 'more')).rejects.toThrow(refused)
  const body = createReadStream(await fixture('busybox-image.tar'))
  expect((await skiff.api.request('POST', '/images/load', { body })).text).toMatch(refused)
  const commit = await skiff.api.request('POST', '/commit', { query: { container: id, repo: 'numbers' }, body: {} })
  expect([commit.status, commit.json.message]).toEqual([500, expect.stringMatching(refused)])
  expect(await images()).toEqual(['busybox:latest'])
  expect(await staging()).toEqual([])
  await free()
  await skiff.api.post('/commit', {}, { container: id, repo: 'numbers' })
  expect(await images()).toEqual(['busybox:latest', 'numbers:latest'])
  await skiff.api.delete('/images/numbers')
  await remove(skiff, id)
})

test('a daemon starts, takes over what runs, and can remove', { timeout: 120_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const ended = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'seq 100000 >/numbers'] })
  await wait(skiff, ended)
  await fill()
  await skiff.kill9()
  await skiff.restart()
  expect((await inspect(skiff, id)).State.Running).toBe(true)
  await remove(skiff, ended)
  await remove(skiff, id)
  await free()
})

test('a snapshot is refused in words and leaves nothing; a reset makes room', async () => {
  const id = await start(skiff, SLEEP)
  await exec(skiff, id, ['sh', '-c', 'echo 1 >/one'])
  await snapshot(skiff, id, 'before', { stop: 1, t: 0 })
  await exec(skiff, id, ['sh', '-c', 'head -c 65536 /dev/zero >/big'])
  await fill()
  const query = { name: 'full', stop: 1, t: 0 }
  const { status, json } = await skiff.api.request('POST', `/containers/${id}/snapshots`, { query })
  expect(status).toBe(500)
  expect(json.message).toMatch(/ENOSPC|no space left/i)
  expect(await snapshotNames(skiff)).toEqual(['before'])
  await free()
  const look = ['sh', '-c', 'cat /one; wc -c /big 2>&1']
  await skiff.api.post(`/containers/${id}/restart`, undefined, { t: 0 })
  expect((await exec(skiff, id, look)).stdout).toBe('1\n65536 /big\n')
  await reset(skiff, id)
  expect((await exec(skiff, id, look)).stdout).toBe('1\nwc: /big: No such file or directory\n')
  await remove(skiff, id)
  await skiff.api.delete('/snapshots/before')
})
