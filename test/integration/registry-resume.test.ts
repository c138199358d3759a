/** Pulls that are interrupted, that want the same layer at once, or that lose an image meanwhile. */

import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import {
  type FakeRegistry,
  type Layer,
  makeImage,
  makeLargeLayer,
  makeLayer,
  startFakeRegistry,
} from '../support/fake-registry.ts'
import { errorOf, pull, succeeded } from '../support/pulling.ts'

const MEBIBYTE = 1024 * 1024
let skiff: Daemon
let registry: FakeRegistry
let big: Layer
let small: Layer
beforeAll(async () => {
  skiff = await startDaemon()
})
beforeEach(async () => {
  registry = await startFakeRegistry()
  big = await makeLargeLayer('big', 6 * MEBIBYTE)
  small = await makeLayer({ small: randomBytes(20) })
  registry.add('web', '1', makeImage([small, big]))
})

const downloads = () => join(skiff.dataRoot, 'images/downloads')
const partial = () => join(downloads(), big.digest.replace('sha256:', ''))

/** Sends so much of the big layer, and then nothing more. Resolves when it is asked for. */
function stallAfter(bytes: number): Promise<void> {
  return new Promise(resolve => {
    registry.intercept = ({ url, headers }, response, blob) => {
      if (!url?.endsWith(big.digest)) return false
      const start = Number(/\d+/.exec(headers.range ?? '0')?.[0])
      response.writeHead(start > 0 ? 206 : 200, { 'Content-Length': blob.length - start })
      response.write(blob.subarray(start, bytes))
      resolve()
      return true
    }
  })
}

const behave = () => {
  registry.intercept = () => false
}

/** A pull whose client can go away. */
function startPull(image: string, tag: string): ClientRequest {
  const path = `/images/create?fromImage=${encodeURIComponent(image)}&tag=${tag}`
  const pulling = request({ socketPath: skiff.socket, path, method: 'POST' }, response => response.resume())
  pulling.on('error', () => undefined)
  pulling.end()
  return pulling
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 1200) throw new Error(`it never came: ${holds}`)
    await sleep(50)
  }
}

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )
const ranges = () => registry.fetches(big.digest).map(({ headers }) => headers.range ?? 'all')
/** Of three mebibytes that were sent two were seen on the disk; of the third some may have been on its way. */
const FROM_THE_THIRD_MEBIBYTE = expect.toSatisfy(
  (range: string) => Number(/^bytes=(\d+)-$/.exec(range)?.[1]) >= 2 * MEBIBYTE,
)
const remove = (tag: string) => skiff.api.delete(`/images/${registry.host}/web:${tag}`)

describe('a pull that is interrupted', () => {
  it('by kill -9 goes on where it stopped, after the next start', async () => {
    const asked = stallAfter(3 * MEBIBYTE)
    startPull(`${registry.host}/web`, '1')
    await asked
    await until(async () => (await sizeOf(partial())) >= 2 * MEBIBYTE)
    await skiff.kill9()
    await skiff.restart()
    expect(await skiff.api.get('/images/json')).toEqual([])
    expect(await readdir(join(skiff.dataRoot, 'layers/staging'))).toEqual([])
    expect((await skiff.api.get('/system/df')).LayersSize).toBe(0)
    const kept = await sizeOf(partial())
    behave()
    await succeeded(pull(skiff, `${registry.host}/web`, '1'))
    expect(ranges()).toEqual(['all', `bytes=${kept}-`])
    expect(await readdir(downloads())).toEqual([])
    expect((await skiff.api.get(`/images/${registry.host}/web:1/json`)).RootFS.Layers).toEqual([
      small.diffId,
      big.diffId,
    ])
    await remove('1')
  })

  it('by its client goes on where it stopped; and what was changed meanwhile is found out', async () => {
    const asked = stallAfter(3 * MEBIBYTE)
    const client = startPull(`${registry.host}/web`, '1')
    await asked
    await until(async () => (await sizeOf(partial())) >= 2 * MEBIBYTE)
    client.destroy()
    // What has come and waited to be written is written at the end.
    await until(async () => (await readdir(join(skiff.dataRoot, 'layers/staging'))).length === 0)
    const bytes = await readFile(partial())
    bytes[100_000]! ^= 1
    await writeFile(partial(), bytes)
    behave()
    await succeeded(pull(skiff, `${registry.host}/web`, '1'))
    expect(ranges()).toEqual(['all', FROM_THE_THIRD_MEBIBYTE, 'all'])
    expect(await readdir(downloads())).toEqual([])
    await remove('1')
  })

  it('and not taken up for a day is given up', async () => {
    const day = 24 * 60 * 60
    await writeFile(join(downloads(), 'a'.repeat(64)), 'old')
    await writeFile(join(downloads(), 'b'.repeat(64)), 'new')
    const yesterday = Date.now() / 1000 - day - 60
    await utimes(join(downloads(), 'a'.repeat(64)), yesterday, yesterday)
    await skiff.restart()
    expect(await readdir(downloads())).toEqual(['b'.repeat(64)])
  })
})

describe('pulls of one layer at once', () => {
  it('fetch it once', async () => {
    const extra = await makeLayer({ extra: randomBytes(20) })
    registry.add('web', '2', makeImage([small, big, extra]))
    registry.add('web', '3', makeImage([big, small]))
    const asked = stallAfter(MEBIBYTE)
    const first = succeeded(pull(skiff, `${registry.host}/web`, '1'))
    await asked
    const others = ['2', '3', '1'].map(tag => succeeded(pull(skiff, `${registry.host}/web`, tag)))
    await until(() => registry.asked.filter(({ url }) => url.includes('/manifests/')).length === 4)
    await until(() => registry.fetches(extra.digest).length === 1)
    // Cut, it goes on for all of them.
    behave()
    registry.cut()
    await Promise.all([first, ...others])
    expect(ranges()).toEqual(['all', `bytes=${MEBIBYTE}-`])
    expect(registry.fetches(small.digest)).toHaveLength(1)
    const layersOf = async (tag: string) =>
      (await skiff.api.get(`/images/${registry.host}/web:${tag}/json`)).RootFS.Layers
    expect(await layersOf('2')).toEqual([small.diffId, big.diffId, extra.diffId])
    expect(await layersOf('3')).toEqual([big.diffId, small.diffId])
    for (const tag of ['1', '2', '3']) await remove(tag)
    expect((await skiff.api.get('/system/df')).LayersSize).toBe(0)
  })

  it('do without the one that began it: another goes on where that one stopped', async () => {
    registry.add('web', '2', makeImage([big]))
    const asked = stallAfter(3 * MEBIBYTE)
    const client = startPull(`${registry.host}/web`, '1')
    await asked
    const other = succeeded(pull(skiff, `${registry.host}/web`, '2'))
    await until(() => registry.asked.some(({ url }) => url.includes('/manifests/2')))
    await until(async () => (await sizeOf(partial())) >= 2 * MEBIBYTE)
    behave()
    client.destroy()
    await other
    expect(ranges()).toEqual(['all', FROM_THE_THIRD_MEBIBYTE])
    await remove('2')
  })
})

it('an image that is removed while another one with its layers is pulled takes none of them along', async () => {
  registry.add('web', 'base', makeImage([small]))
  await succeeded(pull(skiff, `${registry.host}/web`, 'base'))
  const asked = stallAfter(MEBIBYTE)
  const pulling = succeeded(pull(skiff, `${registry.host}/web`, '1'))
  await asked
  await remove('base')
  behave()
  registry.cut()
  await pulling
  expect(registry.fetches(small.digest)).toHaveLength(1)
  const { Id } = await skiff.api.post('/containers/create', { Image: `${registry.host}/web:1` })
  for (const path of ['/small', '/big'])
    expect((await skiff.api.request('GET', `/containers/${Id}/archive`, { query: { path } })).status).toBe(200)
  await skiff.api.delete(`/containers/${Id}`)
  await remove('1')
})

it('the same image removed and pulled at the same time is there or not, and the next start finds it so', async () => {
  const name = `${registry.host}/web`
  for (let round = 0; round < 3; round++) {
    await succeeded(pull(skiff, name, '1'))
    await Promise.all([
      pull(skiff, name, '1'),
      skiff.api.request('DELETE', `/images/${name}:1`, { query: { force: '1' } }),
      pull(skiff, name, '1'),
    ])
    const tags = (await skiff.api.get('/images/json')).flatMap(({ RepoTags }: { RepoTags: string[] }) => RepoTags)
    await skiff.restart()
    const later = (await skiff.api.get('/images/json')).flatMap(({ RepoTags }: { RepoTags: string[] }) => RepoTags)
    expect(later).toEqual(tags)
  }
  await skiff.api.request('DELETE', `/images/${name}:1`)
})

describe('daemon.json', () => {
  it.each([
    ['three unless told otherwise', {}, 3],
    ['max-concurrent-downloads', { 'max-concurrent-downloads': 1 }, 1],
  ])('limits downloads at once: %s', async (_, config, limit) => {
    const daemon = await startDaemon({ config })
    const layers = await Promise.all([0, 1, 2, 3, 4, 5].map(i => makeLayer({ [`file${i}`]: randomBytes(20) })))
    registry.add('many', '1', makeImage(layers))
    let most = 0
    let waiting: (() => void)[] = []
    registry.intercept = async ({ url }) => {
      if (!layers.some(({ digest }) => url?.endsWith(digest))) return false
      // Held until as many as may come have come; and a moment longer, for one too many.
      const held = new Promise<void>(resolve => waiting.push(resolve))
      most = Math.max(most, waiting.length)
      if (waiting.length === limit) {
        await sleep(200)
        for (const release of waiting) release()
        waiting = []
      }
      await held
      return false
    }
    await succeeded(pull(daemon, `${registry.host}/many`, '1'))
    expect(most).toBe(limit)
  })

  it('limits attempts: max-download-attempts', async () => {
    const daemon = await startDaemon({ config: { 'max-download-attempts': 2 } })
    registry.intercept = ({ url }, response) => {
      if (!url?.endsWith(big.digest)) return false
      response.destroy()
      return true
    }
    expect(errorOf(await pull(daemon, `${registry.host}/web`, '1'))).toBeTruthy()
    expect(ranges()).toEqual(['all', 'all'])
  })
})
