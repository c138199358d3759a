/**
 * SIGKILL of the daemon between any two changes that it makes to the machine, in each of the things that it does. Afterwards the next
 * daemon tells the truth, everything can be removed, and nothing is left.
 *
 * In `npm test` a few points of each, spread over all of it; SKIFF_KILL_POINTS=all takes every one (an hour).
 */

import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import type { Json } from '../support/client.ts'
import { create, remove, run, start, wait } from '../support/containers.ts'
import type { Daemon } from '../support/daemon.ts'
import { fixture, importBusybox, importImage } from '../support/images.ts'
import { type Countdown, startWithCountdown } from '../support/kill-at.ts'
import { cgroups, entries, processesOf } from '../support/machine.ts'
import { type RegistryServer, startRegistry } from '../support/registry.ts'
import { reset, snapshot, snapshotNames } from '../support/snapshots.ts'

const { SKIFF_KILL_POINTS = '3' } = process.env
const POINTS = SKIFF_KILL_POINTS === 'all' ? Number.POSITIVE_INFINITY : Number(SKIFF_KILL_POINTS)

let countdown: Countdown
let skiff: Daemon
let registry: RegistryServer
beforeAll(async () => {
  countdown = await startWithCountdown({ logLevel: 'info' })
  skiff = countdown.skiff
  await importBusybox(skiff)
  registry = await startRegistry()
  await skiff.api.post('/images/busybox/tag', undefined, { repo: `${registry.host}/pulled` })
  const pushed = await skiff.api.request('POST', `/images/${registry.host}/pulled/push`, {
    headers: { 'X-Registry-Auth': Buffer.from('{}').toString('base64') },
  })
  expect(pushed.text).not.toContain('"error"')
  await skiff.api.delete(`/images/${registry.host}/pulled`)
})

const SPEC = {
  Image: 'busybox',
  Cmd: ['sleep', '100000'],
  Volumes: { '/data': {} },
  ExposedPorts: { '80/tcp': {} },
  HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '0' }] } },
}

interface Act {
  /** What must be there before; its result goes to the act. */
  prepare?: () => Promise<string>
  act: (prepared: string) => Promise<unknown>
  /** What must be true afterwards, whether it came to its end or not. */
  holds?: (prepared: string) => Promise<void>
}

const created = () => create(skiff, SPEC)
const started = () => start(skiff, SPEC)
const statusOf = async (id: string): Promise<Json> =>
  (await skiff.api.request('GET', `/containers/${id}/json`)).json?.State ?? null

/** A process that is said to run does, and one that is not does not. */
async function isTruth(id: string): Promise<void> {
  const state = await statusOf(id)
  if (state?.Running) expect(await readFile(`/proc/${state.Pid}/stat`, 'utf8')).toBeTruthy()
  else expect((await cgroups()).filter(path => path.endsWith(id))).toEqual([])
}

async function ended(): Promise<string> {
  const id = await started()
  await skiff.api.post(`/containers/${id}/kill`)
  await wait(skiff, id)
  return id
}

/** One that has written the same word to its root and to its volume, and has ended. */
async function written(): Promise<string> {
  const id = await start(skiff, { ...SPEC, Cmd: ['sh', '-c', 'echo first | tee /data/word >/word'] })
  await wait(skiff, id)
  return id
}

async function rewrite(id: string, word: string): Promise<void> {
  for (const folder of ['/', '/data']) {
    const tar = execFileSync('sh', ['-c', `d=$(mktemp -d); echo ${word} >$d/word; tar -C $d -c word; rm -r $d`])
    await skiff.api.request('PUT', `/containers/${id}/archive`, { query: { path: folder }, body: Readable.from([tar]) })
  }
}

/** Of a container that does not run: of its root, and of its volume. */
async function contentOf(id: string): Promise<string> {
  const parts = ['/word', '/data/word'].map(async path => {
    const archive = await skiff.api.bytes(`/containers/${id}/archive`, { path })
    return execFileSync('tar', ['-xO'], { input: archive, encoding: 'utf8' })
  })
  return (await Promise.all(parts)).join('')
}

const contentOfSnapshot = async (name: string): Promise<string> =>
  contentOf(await create(skiff, { Image: '', FromSnapshot: name }))

const importOne = async () => importImage(skiff, await fixture('busybox.tar'), 'other', ['LABEL a=b'])

const ACTS: Record<string, Act> = {
  create: { act: created },
  start: {
    prepare: created,
    act: id => skiff.api.post(`/containers/${id}/start`),
    holds: async id => expect(await statusOf(id)).not.toBeNull(),
  },
  stop: {
    prepare: started,
    act: id => skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 }),
    holds: async id => expect(await statusOf(id)).not.toBeNull(),
  },
  snapshot: {
    prepare: written,
    act: id => snapshot(skiff, id, 'cut', { volumes: 1 }),
    // What the container has is what it had, whether there is a snapshot or not; and a snapshot is whole.
    holds: async id => {
      const seen = [await contentOf(id)]
      if ((await snapshotNames(skiff)).includes('cut')) seen.push(await contentOfSnapshot('cut'))
      for (const content of seen) expect(content).toBe('first\nfirst\n')
    },
  },
  reset: {
    prepare: async () => {
      const id = await written()
      await snapshot(skiff, id, 'old', { volumes: 1 })
      await rewrite(id, 'second')
      await snapshot(skiff, id, 'new', { volumes: 1 })
      await rewrite(id, 'third')
      return id
    },
    act: id => reset(skiff, id, 'old'),
    // All of it as it was, or all of it reset.
    holds: async id => expect(['third\nthird\n', 'first\nfirst\n']).toContain(await contentOf(id)),
  },
  'snapshot rm': {
    prepare: async () => {
      const id = await written()
      await snapshot(skiff, id, 'gone', { volumes: 1 })
      await remove(skiff, id)
      return ''
    },
    act: () => skiff.api.delete('/snapshots/gone'),
    holds: async () => {
      if ((await snapshotNames(skiff)).includes('gone')) expect(await contentOfSnapshot('gone')).toBe('first\nfirst\n')
    },
  },
  'rm -v': { prepare: ended, act: id => skiff.api.delete(`/containers/${id}`, { v: true }) },
  'rm -f -v': { prepare: started, act: id => remove(skiff, id) },
  rename: {
    prepare: created,
    act: id => skiff.api.post(`/containers/${id}/rename`, undefined, { name: 'renamed' }),
    holds: async id => expect(await statusOf(id)).not.toBeNull(),
  },
  commit: {
    prepare: written,
    act: container => skiff.api.post('/commit', {}, { container, repo: 'committed' }),
    holds: async id => {
      expect(await contentOf(id)).toBe('first\nfirst\n')
      await rewrite(id, 'later')
      expect(await contentOf(id)).toBe('later\nlater\n')
      const { status } = await skiff.api.request('GET', '/images/committed/json')
      if (status === 200)
        expect(await run(skiff, { Image: 'committed', Cmd: ['cat', '/word'] })).toMatchObject({ stdout: 'first\n' })
    },
  },
  'commit of what runs': {
    prepare: started,
    // One that stands still for it stays paused when the daemon is killed, and is shown so.
    act: container => skiff.api.post('/commit', {}, { container, repo: 'committed', pause: false }),
  },
  import: { act: importOne },
  load: {
    act: async () =>
      skiff.api.request('POST', '/images/load', { body: createReadStream(await fixture('busybox-image.tar')) }),
  },
  pull: {
    // What is here already would not be pulled.
    prepare: async () => {
      await skiff.api.delete('/images/busybox')
      return ''
    },
    act: () =>
      skiff.api.request('POST', '/images/create', { query: { fromImage: `${registry.host}/pulled`, tag: 'latest' } }),
  },
  rmi: {
    prepare: async () => {
      await importOne()
      return ''
    },
    act: () => skiff.api.delete('/images/other'),
  },
  'network create': { act: () => skiff.api.post('/networks/create', { Name: 'net' }) },
  'network rm': {
    prepare: async () => (await skiff.api.post('/networks/create', { Name: 'net' })).Id,
    act: id => skiff.api.delete(`/networks/${id}`),
  },
  'volume create': { act: () => skiff.api.post('/volumes/create', { Name: 'volume' }) },
  'volume rm': {
    prepare: async () => (await skiff.api.post('/volumes/create', { Name: 'volume' })).Name,
    act: name => skiff.api.delete(`/volumes/${name}`),
  },
}

/** Spread over all of them, the first and the last included. */
function pointsOf(count: number): number[] {
  if (count <= POINTS) return Array.from({ length: count }, (_, index) => index + 1)
  return [
    ...new Set(Array.from({ length: POINTS }, (_, index) => 1 + Math.round((index * (count - 1)) / (POINTS - 1)))),
  ]
}

/** Everything that there is can be used and removed, and then nothing is left. */
async function isClean(): Promise<void> {
  for (const { Id } of await skiff.api.get('/containers/json', { all: true })) {
    await isTruth(Id)
    const { status } = await skiff.api.request('POST', `/containers/${Id}/start`)
    expect([204, 304]).toContain(status)
    await remove(skiff, Id)
  }
  for (const name of await snapshotNames(skiff)) await skiff.api.delete(`/snapshots/${name}`)
  for (const { Name } of (await skiff.api.get('/volumes')).Volumes ?? []) {
    expect(Name, 'an anonymous volume of nobody').toBe('volume')
    await skiff.api.delete(`/volumes/${Name}`)
  }
  for (const { Name } of await skiff.api.get('/networks'))
    if (!['bridge', 'host', 'none'].includes(Name)) await skiff.api.delete(`/networks/${Name}`)
  for (const { Id, RepoTags } of await skiff.api.get('/images/json')) {
    await remove(skiff, await create(skiff, { Image: Id, Cmd: ['true'] }))
    if (!RepoTags?.includes('busybox:latest')) await skiff.api.delete(`/images/${Id}`, { force: true })
  }
  if ((await skiff.api.request('GET', '/images/busybox/json')).status === 404) await importBusybox(skiff)
  await expect.poll(leftovers, { timeout: 30_000, interval: 20 }).toEqual({})
}

/** By kind, what there is beside the daemon itself and one image. */
async function leftovers(): Promise<Record<string, string[]>> {
  const data = (path: string) => entries(join(skiff.dataRoot, path))
  const daemon = await skiff.daemonPid()
  const found: Record<string, string[]> = {
    containers: await data('containers'),
    roots: await data('roots'),
    trash: await data('trash'),
    damaged: await data('damaged'),
    volumes: await data('volumes'),
    snapshots: await data('snapshots'),
    networks: (await data('networks')).slice(3),
    staging: await data('layers/staging'),
    trees: (await data('layers/tree')).slice(2),
    tapes: (await data('layers/tapes')).slice(1),
    layers: (await data('layers/records')).slice(1),
    images: (await data('images/records')).slice(1),
    run: await entries(join(skiff.execRoot, 'containers')),
    cgroups: (await cgroups()).filter(path => path.includes(`${skiff.cgroupParent}/`)),
    processes: (await processesOf(skiff.folder)).filter(pid => pid !== daemon).map(String),
  }
  return Object.fromEntries(Object.entries(found).filter(([, list]) => list.length > 0))
}

async function restarted(): Promise<void> {
  const before = (await skiff.log()).length
  await skiff.restart()
  expect((await skiff.log()).slice(before)).not.toMatch(/damaged|cannot be|could not|"level":60/)
}

test.each(Object.entries(ACTS))('%s', { timeout: 7_200_000 }, async (name, { prepare, act, holds }) => {
  const prepared = (await prepare?.()) ?? ''
  const count = await countdown.count(() => act(prepared))
  expect(count, 'changes that were seen').toBeGreaterThan(0)
  await isClean()
  let kills = 0
  for (const point of pointsOf(count)) {
    const subject = (await prepare?.()) ?? ''
    const killed = await countdown.killAt(point, () => act(subject))
    if (killed) {
      kills++
      while (skiff.pid !== undefined) await pause(5)
      await restarted()
    }
    try {
      await holds?.(subject)
      await isClean()
    } catch (error) {
      throw new Error(`${name}, killed before change ${point} of ${count}: ${String(error)}`, { cause: error })
    }
  }
  expect(kills).toBeGreaterThan(0)
  if (POINTS > 20) console.log(`${name}: ${count} changes, killed at ${kills}`)
})
