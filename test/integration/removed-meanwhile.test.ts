/** `rmi` of an image whose layers are being sent: what was begun is whole, and then they are gone. */

import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { startFakeRegistry } from '../support/fake-registry.ts'
import { push, succeeded } from '../support/pulling.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
})

const LAYERS = 3
const FILES = 12
/** Of all files together many times what a socket and a thread hold for a client that does not read. */
const FILE_BYTES = 1_000_000

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** As `docker save` writes it: layers that do not get smaller, each of several files. */
async function image(name: string): Promise<Buffer> {
  const archive = pack()
  const written = buffer(archive)
  const layers: string[] = []
  for (let layer = 0; layer < LAYERS; layer++) {
    const tar = pack()
    for (let file = 0; file < FILES; file++) {
      const content = createHash('shake256', { outputLength: FILE_BYTES }).update(`${name} ${layer} ${file}`).digest()
      tar.entry({ name: `${layer}-${file}` }, content)
    }
    tar.finalize()
    const bytes = await buffer(tar)
    layers.push(sha256(bytes))
    archive.entry({ name: `${layers.at(-1)}.tar` }, bytes)
  }
  const diff_ids = layers.map(digest => `sha256:${digest}`)
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids } }),
  )
  archive.entry({ name: 'config.json' }, config)
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: layers.map(digest => `${digest}.tar`) }]
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest))
  archive.finalize()
  return written
}

const load = async (name: string): Promise<void> => {
  const headers = { 'Content-Type': 'application/x-tar' }
  const { status, text } = await skiff.api.request('POST', '/images/load', { body: await image(name), headers })
  expect({ status, error: text.includes('"error"') }).toEqual({ status: 200, error: false })
}

const trees = (): Promise<string[]> => readdir(join(skiff.dataRoot, 'layers/tree'))

beforeEach(async () => {
  await expect.poll(trees, { timeout: 30_000 }).toEqual(['0'])
})

describe('an image that is removed', () => {
  it('while it is saved, is saved whole', async () => {
    await load('saved:1')
    const whole = sha256(await buffer(await skiff.api.stream('GET', '/images/saved:1/get')))
    const stalled = await skiff.api.stream('GET', '/images/saved:1/get')
    await skiff.api.delete('/images/saved:1')
    expect(await skiff.api.get('/images/json')).toEqual([])
    expect(await trees()).toHaveLength(LAYERS + 1)
    expect(sha256(await buffer(stalled))).toBe(whole)
    await expect.poll(trees, { timeout: 30_000 }).toEqual(['0'])
  })

  it('while it is saved to a client that goes away, is gone then', async () => {
    await load('left:1')
    const stalled = await skiff.api.stream('GET', '/images/left:1/get')
    await skiff.api.delete('/images/left:1')
    expect(await trees()).toHaveLength(LAYERS + 1)
    stalled.destroy()
    await expect.poll(trees, { timeout: 30_000 }).toEqual(['0'])
  })

  it('while it is pushed, is pushed whole', async () => {
    const registry = await startFakeRegistry()
    const name = `${registry.host}/pushed`
    await load(`${name}:1`)
    const uploaded: string[] = []
    let removal: Promise<unknown> | undefined
    registry.intercept = async (request, response) => {
      const { method = '', url = '' } = request
      if (method === 'GET') return false
      // Before anything of a layer is taken.
      if (method === 'POST') {
        removal ??= skiff.api.delete(`/images/${name}:1`)
        await removal
      }
      for await (const _ of request);
      if (method === 'PUT') uploaded.push(url.includes('/manifests/') ? 'manifest' : 'blob')
      const status = { HEAD: 404, POST: 202, PATCH: 202, PUT: 201 }[method] ?? 405
      response.writeHead(status, { Location: `http://${registry.host}/v2/pushed/blobs/uploads/1` }).end()
      return true
    }
    await succeeded(push(skiff, name, '1'))
    expect(uploaded).toEqual([...Array(LAYERS + 1).fill('blob'), 'manifest'])
    expect(removal).toBeDefined()
    await expect.poll(trees, { timeout: 30_000 }).toEqual(['0'])
  })
})
