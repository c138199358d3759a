/** What is measured of images and files: a Debian root file system of 116 MB and 6,700 files, in and out by every way. */

import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { create, remove } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import { startRegistry } from '../support/registry.ts'
import type { Job } from './jobs.ts'
import { IMAGES, LAYERS, manyImages } from './many-images.ts'
import { answered, time } from './stopwatch.ts'

const SHARE = 0.25
const TAR = { 'Content-Type': 'application/x-tar' }
/** What Docker's clients send for a registry without a password. */
const NO_LOGIN = { 'X-Registry-Auth': Buffer.from('{}').toString('base64') }

async function succeed(engine: Engine, method: string, path: string, options = {}): Promise<void> {
  const { status, text } = await engine.api.request(method, path, options)
  if (status >= 300 || text.includes('"error"')) throw new Error(`${engine.name}: ${method} ${path}: ${status} ${text}`)
}

export const removeImage = async (engine: Engine, reference: string): Promise<void> =>
  void (await engine.api.request('DELETE', `/images/${reference}`, { query: { force: true } }))

/** Reads an answer and counts it. */
async function drain(engine: Engine, path: string, query = {}): Promise<void> {
  let size = 0
  const body: Readable = await engine.api.stream('GET', path, { query })
  for await (const chunk of body) size += (chunk as Buffer).length
  if (size < 50e6) throw new Error(`${engine.name}: GET ${path} gave ${size} bytes`)
}

const loadDebian = async (engine: Engine): Promise<void> =>
  succeed(engine, 'POST', '/images/load', { body: createReadStream(await fixture('debian-image.tar')), headers: TAR })

export const WRITTEN = 'written'

/** A container of Debian that has written 60 MB, in 120 files. */
export async function makeWritten(engine: Engine): Promise<void> {
  if ((await engine.api.request('GET', `/containers/${WRITTEN}/json`)).status === 200) return
  await loadDebian(engine)
  const write = 'mkdir /data; for i in $(seq 120); do head -c 500000 /dev/urandom >/data/$i; done'
  const spec = { Image: 'debian:bookworm', Cmd: ['sh', '-c', write], HostConfig: { NetworkMode: 'none' } }
  await create(engine, spec, WRITTEN)
  await succeed(engine, 'POST', `/containers/${WRITTEN}/start`)
  await succeed(engine, 'POST', `/containers/${WRITTEN}/wait`)
}

export async function removeWritten(engine: Engine): Promise<void> {
  await remove(engine, WRITTEN)
  await removeImage(engine, 'debian:bookworm')
}

/** The registry of each engine. */
const registries = new Map<Engine, string>()

/** On the loopback of the engine that is to use it: the reference has one of its own. */
async function openRegistry(engine: Engine): Promise<void> {
  const through = engine.name === 'docker' ? ['nsenter', '-t', `${await engine.daemonPid()}`, '-n'] : []
  registries.set(engine, (await startRegistry({ through })).host)
}

const inRegistry = (engine: Engine): string => `${registries.get(engine)}/debian`

async function push(engine: Engine): Promise<void> {
  await succeed(engine, 'POST', `/images/${inRegistry(engine)}/push`, { query: { tag: 'latest' }, headers: NO_LOGIN })
}

async function tagForRegistry(engine: Engine): Promise<void> {
  await succeed(engine, 'POST', '/images/debian:bookworm/tag', { query: { repo: inRegistry(engine), tag: 'latest' } })
}

async function fillRegistry(engine: Engine): Promise<void> {
  await loadDebian(engine)
  await openRegistry(engine)
  await tagForRegistry(engine)
  await push(engine)
  await removeImage(engine, 'debian:bookworm')
}

const ofDebian: Job[] = [
  {
    name: 'load of debian-image.tar (116 MB)',
    share: SHARE,
    before: engine => removeImage(engine, 'debian:bookworm'),
    run: loadDebian,
    finish: engine => removeImage(engine, 'debian:bookworm'),
  },
  {
    name: 'import of debian.tar (116 MB)',
    share: SHARE,
    run: async engine => importImage(engine, await fixture('debian.tar'), 'imported:latest'),
    after: engine => removeImage(engine, 'imported:latest'),
  },
  {
    name: 'save of the same image',
    share: SHARE,
    prepare: loadDebian,
    run: engine => drain(engine, '/images/debian:bookworm/get'),
    finish: engine => removeImage(engine, 'debian:bookworm'),
  },
  {
    name: 'push of the same image to a registry on the loopback',
    share: SHARE / 2,
    prepare: loadDebian,
    async before(engine) {
      // An empty one each time: it would have the layer already.
      await openRegistry(engine)
      await tagForRegistry(engine)
    },
    run: push,
    after: engine => removeImage(engine, inRegistry(engine)),
    finish: engine => removeImage(engine, 'debian:bookworm'),
  },
  {
    name: 'pull of the same image from there',
    share: SHARE,
    prepare: fillRegistry,
    before: engine => removeImage(engine, inRegistry(engine)),
    run: engine =>
      succeed(engine, 'POST', '/images/create', { query: { fromImage: inRegistry(engine), tag: 'latest' } }),
    finish: engine => removeImage(engine, inRegistry(engine)),
  },
]

const ofWritten: Job[] = [
  {
    name: 'export of a container (176 MB)',
    share: SHARE,
    prepare: makeWritten,
    run: engine => drain(engine, `/containers/${WRITTEN}/export`),
  },
  {
    name: 'cp out of it: a folder of 60 MB, 120 files',
    share: SHARE,
    prepare: makeWritten,
    run: engine => drain(engine, `/containers/${WRITTEN}/archive`, { path: '/data' }),
  },
  {
    name: 'commit of it (60 MB written)',
    share: SHARE,
    prepare: makeWritten,
    run: engine => succeed(engine, 'POST', '/commit', { query: { container: WRITTEN, repo: 'committed' } }),
    after: engine => removeImage(engine, 'committed:latest'),
    finish: removeWritten,
  },
]

/** From the start of the process to its end. The reference engine's by its own client, skiff's by the launcher. */
const listed = async (engine: Engine, args: string[]): Promise<number> => time([...engine.command, ...args]).ms

const ofMany: Job[] = [
  {
    name: `list of ${IMAGES} images with ${LAYERS} layers`,
    share: 1,
    prepare: async engine => succeed(engine, 'POST', '/images/load', { body: await manyImages(), headers: TAR }),
    run: async engine => answered(engine, '/images/json'),
  },
  {
    name: 'df with these',
    share: 1,
    run: async engine => answered(engine, '/system/df'),
  },
  { name: '`images` as a command, with these', share: 1, run: engine => listed(engine, ['images']) },
  { name: '`system df` as a command, with these', share: 1, run: engine => listed(engine, ['system', 'df']) },
]

export const layerJobs = (): Job[] => [...ofDebian, ...ofWritten, ...ofMany]
