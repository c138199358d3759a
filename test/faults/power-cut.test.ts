/** The power goes, without a warning and for real (see test/support/power.ts): what was acknowledged is there afterwards, and whole. */

import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test as anyTest, expect } from 'vitest'
import { create, exec, inspect, remove, run, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { fixture, importBusybox, importImage } from '../support/images.ts'
import { Disk } from '../support/power.ts'

/** A file becomes a disk by a loop device, which a container may not have. */
const test = anyTest.skipIf(!existsSync('/dev/loop-control'))

const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }

async function onDisk(): Promise<{ skiff: Daemon; cut(): Promise<void> }> {
  const disk = await Disk.plugIn()
  const skiff = await startDaemon({ dataRoot: join(disk.folder, 'data') })
  return {
    skiff,
    async cut() {
      await disk.loseAndRegain(skiff)
      const logged = (await skiff.log()).length
      await skiff.restart()
      expect((await skiff.log()).slice(logged)).not.toMatch(/is damaged|cannot be read/)
    },
  }
}

/** Every layer is read and compared with its digest. */
async function isWhole(skiff: Daemon, image: string): Promise<void> {
  const saved = await skiff.api.bytes('/images/get', { names: [image] })
  expect(saved.length).toBeGreaterThan(0)
  expect((await run(skiff, { Image: image, Cmd: ['/bin/echo', 'whole'], HostConfig })).stdout).toBe('whole\n')
}

test('images, by import, load, commit and tag', { timeout: 180_000 }, async () => {
  const { skiff, cut } = await onDisk()
  await importBusybox(skiff)
  await cut()
  await isWhole(skiff, 'busybox')
  const source = await create(skiff, { Image: 'busybox', Cmd: ['sh', '-c', 'seq 100000 >/numbers'], HostConfig })
  await skiff.api.post(`/containers/${source}/start`)
  await skiff.api.post(`/containers/${source}/wait`)
  await skiff.api.post('/commit', {}, { container: source, repo: 'numbers' })
  await cut()
  await isWhole(skiff, 'numbers')
  const { stdout } = await run(skiff, { Image: 'numbers', Cmd: ['sh', '-c', 'wc -l </numbers'], HostConfig })
  expect(stdout.trim()).toBe('100000')
  await skiff.api.post('/images/numbers/tag', undefined, { repo: 'counted', tag: 'twice' })
  await cut()
  await isWhole(skiff, 'counted:twice')
  await remove(skiff, source)
  for (const name of ['busybox', 'numbers', 'counted:twice']) await skiff.api.delete(`/images/${name}`)
  const loaded = await skiff.api.request('POST', '/images/load', {
    body: createReadStream(await fixture('busybox-image.tar')),
  })
  expect(loaded.text).toContain('Loaded image')
  const [{ RepoTags }] = await skiff.api.get('/images/json')
  await cut()
  await isWhole(skiff, RepoTags[0])
})

test('containers, volumes and networks, and what shall run does so again', { timeout: 180_000 }, async () => {
  const { skiff, cut } = await onDisk()
  await importBusybox(skiff)
  await skiff.api.post('/volumes/create', { Name: 'precious', Labels: { a: 'b' } })
  const { Id: network } = await skiff.api.post('/networks/create', { Name: 'backbone' })
  const always = { ...HostConfig, RestartPolicy: { Name: 'always' } }
  const runs = await start(skiff, { ...SLEEP, HostConfig: always }, 'runs')
  const ends = await start(skiff, SLEEP, 'ends')
  const writes = ['sh', '-c', 'echo kept >/data/file; sync']
  await run(skiff, { Image: 'busybox', Cmd: writes, HostConfig: { ...HostConfig, Binds: ['precious:/data'] } })
  const waits = await create(skiff, { ...SLEEP, HostConfig: { ...HostConfig, Binds: ['precious:/data'] } }, 'waits')
  await skiff.api.post(`/containers/${waits}/rename`, undefined, { name: 'renamed' })
  await cut()
  expect((await inspect(skiff, 'renamed')).Id).toBe(waits)
  expect((await skiff.api.get(`/networks/backbone`)).Id).toBe(network)
  expect((await skiff.api.get('/volumes/precious')).Labels).toEqual({ a: 'b' })
  expect((await inspect(skiff, ends)).State).toMatchObject({ Running: false })
  while (!(await inspect(skiff, runs)).State.Running) await pause(20)
  await skiff.api.post(`/containers/${waits}/start`)
  expect((await exec(skiff, waits, ['cat', '/data/file'])).stdout).toBe('kept\n')
  for (const id of [runs, ends, waits]) await remove(skiff, id)
})

test('in the middle of imports, creates and removals: what is listed can be used', { timeout: 180_000 }, async () => {
  const { skiff, cut } = await onDisk()
  await importBusybox(skiff)
  const archive = await fixture('busybox.tar')
  for (let round = 0; round < 5; round++) {
    let stop = false
    const named: string[] = []
    const importing = async () => {
      for (let i = 0; !stop; i++) {
        // An image of its own each time: the layer is the same, so its record changes, too.
        const name = `round${round}:${i}`
        await importImage(skiff, archive, name, [`LABEL n=${round}-${i}`]).then(
          () => named.push(name),
          () => {},
        )
      }
    }
    const creating = async () => {
      while (!stop) {
        const id = await create(skiff, SLEEP).catch(() => null)
        if (id !== null) await remove(skiff, id).catch(() => {})
      }
    }
    const busy = Promise.all([importing(), creating()])
    await pause(150 + 90 * round)
    const acknowledged = [...named]
    stop = true
    await cut()
    await busy
    const images: { Id: string; RepoTags: string[] }[] = await skiff.api.get('/images/json')
    const tags = images.flatMap(({ RepoTags }) => RepoTags)
    for (const name of acknowledged) expect(tags).toContain(name)
    // By id: one whose name had not been acknowledged may have none.
    for (const { Id } of images) expect((await run(skiff, { Image: Id, Cmd: ['true'], HostConfig })).exitCode).toBe(0)
    for (const { Id } of await skiff.api.get('/containers/json', { all: true })) {
      await skiff.api.post(`/containers/${Id}/start`)
      await remove(skiff, Id)
    }
    for (const { Id, RepoTags } of images)
      if (!RepoTags.includes('busybox:latest')) await skiff.api.delete(`/images/${Id}`, { force: true })
  }
})
