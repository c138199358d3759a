/** Registries that hesitate, lie, or attack: the pull goes on where that makes sense; else it fails clearly, and nothing stays. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import {
  type FakeImage,
  type FakeRegistry,
  type Layer,
  makeImage,
  makeLayer,
  sha256,
  startFakeRegistry,
  TYPE,
} from '../support/fake-registry.ts'
import { errorOf, pull, succeeded } from '../support/pulling.ts'

let skiff: Daemon
let registry: FakeRegistry
let layer: Layer
let image: FakeImage
beforeAll(async () => {
  skiff = await startDaemon()
  layer = await makeLayer({ 'etc/name': 'skiff' })
  image = makeImage([layer])
})
beforeEach(async () => {
  registry = await startFakeRegistry()
  registry.add('web', '1', image)
})

const isManifest = (url = '') => url.includes('/manifests/')
const isLayer = (url = '') => url.endsWith(layer.digest)

describe('a registry that hesitates', () => {
  it.each([
    ['429, naming a time', 429, { 'Retry-After': '1' }],
    ['429, naming a date', 429, { 'Retry-After': new Date(Date.now() + 1000).toUTCString() }],
    ['500', 500, {}],
    ['503', 503, {}],
  ])('is asked again: %s', async (_, status, headers) => {
    let refusals = 0
    registry.intercept = ({ url }, response) => {
      if (!isManifest(url) || refusals === 2) return false
      refusals++
      response.writeHead(status, headers).end()
      return true
    }
    const lines = await succeeded(pull(skiff, `${registry.host}/web`, '1'))
    expect(lines.at(-1)?.status).toContain('image for')
    expect(refusals).toBe(2)
    await skiff.api.delete(`/images/${registry.host}/web:1`)
  })

  it('is asked five times, and then quoted', async () => {
    let refusals = 0
    registry.intercept = ({ url }, response) => {
      if (!isManifest(url)) return false
      refusals++
      response.writeHead(429).end(JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message: 'come tomorrow' }] }))
      return true
    }
    expect(errorOf(await pull(skiff, `${registry.host}/web`, '1'))).toBe('toomanyrequests: come tomorrow')
    expect(refusals).toBe(5)
  })

  it('and cuts connections is asked for the rest alone', async () => {
    const content = Buffer.alloc(300_000, 'abc')
    const big = await makeLayer({ big: content }, { mediaType: TYPE.tar, compress: bytes => bytes })
    registry.add('web', 'cut', makeImage([big]))
    const ranges: string[] = []
    registry.intercept = ({ url, headers }, response, bytes) => {
      if (!url?.endsWith(big.digest)) return false
      ranges.push(headers.range ?? 'all')
      if (ranges.length > 3) return false
      const start = Number(/\d+/.exec(headers.range ?? '0')?.[0])
      response.writeHead(start > 0 ? 206 : 200, { 'Content-Length': bytes.length - start })
      response.write(bytes.subarray(start, start + 70_000), () => response.destroy())
      return true
    }
    await succeeded(pull(skiff, `${registry.host}/web`, 'cut'))
    expect(ranges[0]).toBe('all')
    expect(ranges.slice(1)).toEqual(['bytes=70000-', 'bytes=140000-', 'bytes=210000-'])
    await skiff.api.delete(`/images/${registry.host}/web:cut`)
  })

  it('and cuts connections without knowing ranges is begun anew, and what is here passed over', async () => {
    let asked = 0
    registry.intercept = ({ url }, response, bytes) => {
      if (!isLayer(url)) return false
      response.writeHead(200, { 'Content-Length': bytes.length })
      if (asked++ === 0) response.write(bytes.subarray(0, 20), () => response.destroy())
      else response.end(bytes)
      return true
    }
    await succeeded(pull(skiff, `${registry.host}/web`, '1'))
    expect(asked).toBe(2)
    await skiff.api.delete(`/images/${registry.host}/web:1`)
  })
})

type Spoil = (registry: FakeRegistry) => void | Promise<void>
const other = (bytes: Buffer): Buffer => Buffer.from(bytes.map(byte => byte ^ 1))
const document =
  (mediaType: string, content: object): Spoil =>
  registry =>
    void registry.addDocument('web', '1', mediaType, content)
const manifestBytes =
  (bytes: Buffer): Spoil =>
  registry =>
    void registry.manifests.set('web/1', { mediaType: TYPE.manifest, bytes })
const sent =
  (is: (url?: string) => boolean, change: (bytes: Buffer) => Buffer): Spoil =>
  registry => {
    registry.intercept = ({ url }, response, bytes) => {
      if (!is(url)) return false
      response.writeHead(200).end(change(bytes))
      return true
    }
  }
const descriptor = (change: object) => ({
  schemaVersion: 2,
  mediaType: TYPE.manifest,
  config: { mediaType: TYPE.config, digest: sha256(image.config), size: image.config.length },
  layers: [{ mediaType: TYPE.gzip, digest: layer.digest, size: layer.bytes.length, ...change }],
})

const LIES: [what: string, spoil: Spoil, message: RegExp][] = [
  ['other bytes than a layer is named by', sent(isLayer, other), /failed to register layer: /],
  [
    'more bytes than the manifest says',
    sent(isLayer, bytes => Buffer.concat([bytes, bytes])),
    /is longer than the \d+/,
  ],
  [
    'fewer bytes than the manifest says, again and again',
    sent(isLayer, bytes => bytes.subarray(0, 30)),
    /ends after 30 of \d+ bytes/,
  ],
  [
    'a size that is wrong',
    registry => document(TYPE.manifest, descriptor({ size: layer.bytes.length - 1 }))(registry),
    /is longer than the/,
  ],
  [
    'a size that is no number',
    registry => document(TYPE.manifest, descriptor({ size: '7' }))(registry),
    /not an image's/,
  ],
  [
    'a digest that is a path',
    registry => document(TYPE.manifest, descriptor({ digest: 'sha256:../../../../etc/passwd' }))(registry),
    /not an image's/,
  ],
  [
    'a layer that is fetched elsewhere',
    registry => {
      const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
      document(TYPE.manifest, descriptor({ mediaType, urls: ['http://example.com'] }))(registry)
    },
    /is not distributed by this registry/,
  ],
  [
    'a configuration of another image',
    sent(url => url?.endsWith(sha256(image.config)) ?? false, other),
    /image config verification failed/,
  ],
  ['a manifest that is not JSON', manifestBytes(Buffer.from('{"schemaVersion": 2')), /invalid JSON/],
  ['a manifest that is a list', manifestBytes(Buffer.from('[]')), /not an image's/],
  ['a manifest that is nothing', manifestBytes(Buffer.from('null')), /not an object/],
  ['a manifest without layers', manifestBytes(Buffer.from('{"schemaVersion":2}')), /not an image's/],
  ['a manifest of 50 MB', manifestBytes(Buffer.alloc(50_000_000, 0x20)), /more than 4194304 bytes/],
  [
    'a manifest of schema 1',
    document('application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1, fsLayers: [] }),
    /schema 1 is not supported/,
  ],
  [
    'something that is no image',
    registry => {
      const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: layer.digest, size: 2 }
      document(TYPE.manifest, { ...descriptor({}), config })(registry)
    },
    /not an image's, its configuration is application\/vnd\.cncf\.helm/,
  ],
  [
    'an index without entries of its kind',
    document(TYPE.index, { schemaVersion: 2, manifests: [{ digest: 7 }] }),
    /names no manifests/,
  ],
  [
    'redirects without end',
    registry => {
      registry.intercept = ({ url = '' }, response) => {
        if (!isManifest(url)) return false
        response.writeHead(307, { Location: `${url}x` }).end()
        return true
      }
    },
    /stopped after 10 redirects/,
  ],
  [
    'a redirect to a file',
    registry => {
      registry.intercept = ({ url }, response) => {
        if (!isManifest(url)) return false
        response.writeHead(307, { Location: 'file:///etc/passwd' }).end()
        return true
      }
    },
    /redirects to "file:\/\/\/etc\/passwd"/,
  ],
  [
    'an archive that leads out of its folder',
    async registry => {
      const bad = await makeLayer({ '../../../../skiff-was-here': 'x' })
      registry.add('web', '1', { ...makeImage([bad]) })
    },
    /./,
  ],
]

describe('a registry that sends', () => {
  it.each(LIES)('%s is refused, and nothing stays', async (_, spoil, message) => {
    const before = (await skiff.api.get('/system/df')).LayersSize
    await spoil(registry)
    const error = errorOf(await pull(skiff, `${registry.host}/web`, '1'))
    expect(error).toMatch(message)
    expect(await skiff.api.get('/images/json')).toEqual([])
    expect((await skiff.api.get('/system/df')).LayersSize).toBe(before)
    expect(await left(skiff)).toEqual({ staging: [], downloads: [], blobs: [] })
  })

  it('a gzip bomb costs neither memory nor, in the end, disk', async () => {
    // 1.5 GB of zeros behind 1.5 MB; their digest is not what the image says.
    const zeros = gzipSync(Buffer.alloc(50_000_000), { level: 9 })
    const bytes = Buffer.concat(Array.from({ length: 30 }, () => zeros))
    const bomb: Layer = { bytes, digest: sha256(bytes), diffId: sha256('another'), mediaType: TYPE.gzip }
    registry.add('web', 'bomb', makeImage([bomb]))
    expect(errorOf(await pull(skiff, `${registry.host}/web`, 'bomb'))).toBeTruthy()
    expect(await left(skiff)).toEqual({ staging: [], downloads: [], blobs: [] })
    expect(await peakMegabytes(skiff)).toBeLessThan(400)
  })
})

async function left({ dataRoot }: Daemon): Promise<Record<string, string[]>> {
  const [staging, downloads, blobs] = await Promise.all(
    ['layers/staging', 'images/downloads', 'images/blobs/sha256'].map(path => readdir(join(dataRoot, path))),
  )
  return { staging: staging!, downloads: downloads!, blobs: blobs! }
}

async function peakMegabytes({ pid }: Daemon): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1024
}
