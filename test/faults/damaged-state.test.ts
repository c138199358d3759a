/**
 * State files that are empty, cut off, full of zeros, something else altogether, or gone: the daemon starts, names each in its log, goes on
 * with all others, and deletes nothing that a person could still want.
 */

import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { create, exec, inspect, remove, run, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox, importImage } from '../support/images.ts'
import { archive, temporaryFolder } from '../support/layer-room.ts'

const HostConfig = { NetworkMode: 'none' }

/** What may become of a file. null: it is deleted. */
const FORMS: Record<string, (before: Buffer) => Buffer | null> = {
  empty: () => Buffer.alloc(0),
  'cut off': before => before.subarray(0, before.length >> 1),
  zeros: before => Buffer.alloc(before.length),
  'something else': () => Buffer.from('{"hello": ["world"]}\n'),
  missing: () => null,
}

async function spoil(path: string, form: string): Promise<void> {
  const after = FORMS[form]!(await readFile(path))
  if (after === null) await rm(path)
  else await writeFile(path, after)
}

/** An image of one layer, that no other image has. */
async function imageWith(skiff: Daemon, name: string): Promise<string> {
  const file = join(await temporaryFolder(), 'layer.tar')
  await writeFile(file, await archive([{ name: `of-${name}`, content: name }]))
  await importImage(skiff, file, name, ['CMD ["x"]'])
  return (await skiff.api.get(`/images/${name}/json`)).Id.slice('sha256:'.length)
}

async function recordOfLayer(skiff: Daemon, image: string): Promise<string> {
  const [diffId] = (await skiff.api.get(`/images/${image}/json`)).RootFS.Layers
  const folder = join(skiff.dataRoot, 'layers/records')
  for (const name of await readdir(folder))
    if ((await readFile(join(folder, name), 'utf8')).includes(diffId)) return join(folder, name)
  throw new Error(`no layer ${diffId}`)
}

/** Everything below a folder, by name. */
const everything = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).sort()

async function restartWith(skiff: Daemon, spoilt: Record<string, string>, form: string): Promise<string> {
  await skiff.kill9()
  for (const path of Object.values(spoilt)) await spoil(path, form)
  await writeFile(join(skiff.dataRoot, 'networks/.tmp-left'), '{')
  await writeFile(join(skiff.dataRoot, 'images/.tmp-left'), '{')
  const before = (await skiff.log()).length
  await skiff.restart()
  return (await skiff.log()).slice(before)
}

test.each(Object.keys(FORMS))('records that are %s', { timeout: 300_000 }, async form => {
  const skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
  const sleep = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }
  const lost = await start(skiff, { ...sleep, Cmd: ['sh', '-c', 'echo precious >/file'] }, 'lost')
  await wait(skiff, lost)
  const stateless = await create(skiff, sleep, 'stateless')
  const rootless = await start(skiff, { ...sleep, Cmd: ['sh', '-c', 'cat /file || echo mine >/file'] }, 'rootless')
  await wait(skiff, rootless)
  const fine = await start(skiff, sleep, 'fine')
  const layerless = await create(skiff, { Image: 'busybox', Cmd: ['x'], HostConfig }, 'other')
  await skiff.api.post('/volumes/create', { Name: 'full' })
  await skiff.api.post('/volumes/create', { Name: 'good', Labels: { a: 'b' } })
  await writeFile(join(skiff.dataRoot, 'volumes/full/_data/file'), 'precious')
  const { Id: network } = await skiff.api.post('/networks/create', { Name: 'gone' })
  await skiff.api.post('/networks/create', { Name: 'stays' })
  const record = await imageWith(skiff, 'record')
  const config = await imageWith(skiff, 'config')
  await imageWith(skiff, 'layer')
  const at = (...parts: string[]) => join(skiff.dataRoot, ...parts)
  const layerRecord = await recordOfLayer(skiff, 'layer')
  const spoilt = {
    container: at('containers', lost, 'config.json'),
    state: at('containers', stateless, 'state.json'),
    root: at('roots', rootless, 'root.json'),
    volume: at('volumes/full/volume.json'),
    network: at('networks', `${network}.json`),
    imageRecord: at('images/records', `${record}.json`),
    imageConfig: at('images/blobs/sha256', config),
    layer: layerRecord,
    engine: at('engine-id'),
  }
  const log = await restartWith(skiff, spoilt, form)

  // Each is named. What was not written durably, and is empty or missing, is nothing new; a missing record is known by who refers to it.
  const named = [
    'container',
    'volume',
    'imageConfig',
    ...(form === 'missing' ? [] : ['network', 'layer']),
    // Any object is one.
    ...(['missing', 'something else'].includes(form) ? [] : ['imageRecord']),
  ]
  const nameOf: Record<string, string> = { ...spoilt, container: at('containers', lost), imageConfig: config }
  for (const kind of named) expect(log, kind).toContain(nameOf[kind])
  expect(log).toContain('"layer:latest"')
  expect(log).not.toMatch(/"level":60/)

  // What is not damaged goes on.
  expect((await inspect(skiff, 'fine')).State).toMatchObject({ Running: true })
  expect((await exec(skiff, fine, ['echo', 'here'])).stdout).toBe('here\n')
  expect((await inspect(skiff, 'stateless')).State).toMatchObject({ Status: 'created', Running: false })
  expect((await skiff.api.get('/volumes/good')).Labels).toEqual({ a: 'b' })
  expect((await skiff.api.get('/networks')).map(({ Name }: { Name: string }) => Name).sort()).toEqual([
    'bridge',
    'host',
    'none',
    'stays',
  ])
  expect((await run(skiff, { Image: 'busybox', Cmd: ['echo', 'x'], HostConfig })).stdout).toBe('x\n')

  // The root's record was repaired, and what the container had written is there.
  await skiff.api.post(`/containers/${rootless}/start`)
  expect(await wait(skiff, rootless)).toBe(0)
  expect((await skiff.api.bytes(`/containers/${rootless}/logs`, { stdout: 1 })).toString()).toContain('mine')

  // The container is told of in the log, its name is free, and what it wrote is kept.
  expect((await skiff.api.request('GET', '/containers/lost/json')).status).toBe(404)
  await remove(skiff, await create(skiff, sleep, 'lost'))
  const kept = await everything(at('damaged'))
  expect(kept.filter(path => path.endsWith(`roots/${lost}/upper/file`))).toHaveLength(1)

  // The volume is there with what it held.
  expect(await readFile(join((await skiff.api.get('/volumes/full')).Mountpoint, 'file'), 'utf8')).toBe('precious')

  // Of the images one has lost nothing, one its configuration and with it itself, one a layer that can be brought again.
  expect((await skiff.api.request('GET', '/images/record/json')).status).toBe(200)
  expect((await skiff.api.request('GET', '/images/config/json')).status).toBe(404)
  const refused = await skiff.api.request('POST', '/containers/create', { body: { Image: 'layer', Cmd: ['x'] } })
  expect([refused.status, refused.json.message]).toEqual([503, expect.stringContaining('load or pull')])
  expect(
    kept.some(path => path.endsWith('/of-layer')),
    'the files of the layer',
  ).toBe(true)
  await imageWith(skiff, 'layer')
  await remove(skiff, await create(skiff, { Image: 'layer', Cmd: ['x'] }))
  for (const id of [fine, stateless, rootless, layerless]) await remove(skiff, id)

  // Nothing of the layers of the lost image was deleted: somebody may want to save them.
  const trees = await everything(at('layers/tree'))
  expect(trees.some(path => path.endsWith('/of-config'))).toBe(true)
  if (form !== 'empty') return
  await skiff.restart()
  expect((await everything(at('layers/tree'))).some(path => path.endsWith('/of-config'))).toBe(true)
  await rm(at('damaged'), { recursive: true })
  await skiff.restart()
  expect((await everything(at('layers/tree'))).some(path => path.endsWith('/of-config'))).toBe(false)
})

test('names of images and the daemon’s own records are no obstacle either', { timeout: 300_000 }, async () => {
  const skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
  const container = await create(skiff, { Image: 'busybox', Cmd: ['true'], HostConfig })
  for (const form of Object.keys(FORMS)) {
    const references = join(skiff.dataRoot, 'images/references.json')
    await restartWith(skiff, { references }, form)
    const images = await skiff.api.get('/images/json')
    expect(images).toHaveLength(1)
    expect(images[0].RepoTags).toEqual(['<none>:<none>'])
    await skiff.api.post(`/images/${images[0].Id}/tag`, undefined, { repo: 'busybox' })
  }
  for (const name of ['skiffd.lock', 'images/registry-blobs.json', 'images/oci-layout']) {
    await skiff.kill9()
    await writeFile(join(skiff.dataRoot, name), Buffer.from([0, 255, 1, 10]))
    await skiff.restart()
  }
  await skiff.api.post(`/containers/${container}/start`)
  expect(await wait(skiff, container)).toBe(0)
  await remove(skiff, container)
})
