/** A registry of the test's own: serves the images it is given, remembers what it was asked, and misbehaves as it is told to. */

import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { disposeLater } from './disposal.ts'

export const TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  tar: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

export const sha256 = (bytes: string | Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export interface Layer {
  bytes: Buffer
  digest: string
  diffId: string
  mediaType: string
}

/** A layer of these files, compressed with gzip unless `compress` does otherwise. */
export async function makeLayer(
  files: Record<string, string | Buffer>,
  {
    mediaType = TYPE.gzip,
    compress = gzipSync as (bytes: Buffer) => Buffer,
  }: {
    mediaType?: string
    compress?: (bytes: Buffer) => Buffer
  } = {},
): Promise<Layer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mtime: new Date(0) }, content)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk)
  const tar = Buffer.concat(chunks)
  const bytes = compress(tar)
  return { bytes, digest: sha256(bytes), diffId: sha256(tar), mediaType }
}

/** A layer that does not get smaller: of this many bytes at least. */
export const makeLargeLayer = (name: string, size: number): Promise<Layer> =>
  makeLayer({ [name]: randomBytes(size) }, { mediaType: TYPE.tar, compress: bytes => bytes })

export interface FakeImage {
  config: Buffer
  manifest: Buffer
  mediaType: string
  digest: string
  layers: Layer[]
}

export function makeImage(
  layers: Layer[],
  {
    platform = { os: 'linux', architecture: 'amd64' },
    mediaType = TYPE.manifest,
    configType = TYPE.config,
  }: {
    platform?: { os: string; architecture: string; variant?: string }
    mediaType?: string
    configType?: string
  } = {},
): FakeImage {
  const diffIds = layers.map(({ diffId }) => diffId)
  const config = Buffer.from(
    JSON.stringify({ ...platform, config: { Cmd: ['/x'] }, rootfs: { type: 'layers', diff_ids: diffIds } }),
  )
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: configType, digest: sha256(config), size: config.length },
      layers: layers.map(({ mediaType, digest, bytes }) => ({ mediaType, digest, size: bytes.length })),
    }),
  )
  return { config, manifest, mediaType, digest: sha256(manifest), layers }
}

export interface Asked {
  method: string
  url: string
  headers: IncomingMessage['headers']
}

/** Answers in the registry's place, when it returns true. */
type Intercept = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean | Promise<boolean>

export class FakeRegistry {
  /** '127.0.0.1:PORT' */
  host = ''
  readonly asked: Asked[] = []
  readonly blobs = new Map<string, Buffer>()
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>()
  intercept: Intercept = () => false
  /** Ends all connections, as a broken network does. */
  cut: () => void = () => {}

  add(name: string, tag: string, { manifest, mediaType, digest, config, layers }: FakeImage): void {
    for (const reference of [tag, digest]) this.manifests.set(`${name}/${reference}`, { mediaType, bytes: manifest })
    this.blobs.set(sha256(config), config)
    for (const layer of layers) this.blobs.set(layer.digest, layer.bytes)
  }

  addDocument(name: string, tag: string, mediaType: string, document: object): string {
    const bytes = Buffer.from(JSON.stringify(document))
    for (const reference of [tag, sha256(bytes)]) this.manifests.set(`${name}/${reference}`, { mediaType, bytes })
    return sha256(bytes)
  }

  /** How often a blob was asked for. */
  fetches = (digest: string): Asked[] =>
    this.asked.filter(({ method, url }) => method === 'GET' && url.endsWith(`/blobs/${digest}`))

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    this.asked.push({ method, url, headers })
    const { status, bytes, type } = this.#find(url)
    if (await this.intercept(request, response, bytes)) return
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
    const part = bytes.subarray(start)
    response.writeHead(start > 0 ? 206 : status, {
      'Content-Type': type,
      'Content-Length': part.length,
      ...(start > 0 && { 'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    })
    response.end(method === 'HEAD' ? undefined : part)
  }

  #find(url: string): { status: number; bytes: Buffer; type: string } {
    const [, name, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^?]+)/.exec(url) ?? []
    if (kind === undefined) return { status: 200, bytes: Buffer.from('{}'), type: 'application/json' }
    if (kind === 'tags') {
      const tags = [...this.manifests.keys()]
        .filter(key => key.startsWith(`${name}/`) && !key.includes('sha256:'))
        .map(key => key.slice(`${name}/`.length))
      return { status: 200, bytes: Buffer.from(JSON.stringify({ name, tags })), type: 'application/json' }
    }
    const manifest = this.manifests.get(`${name}/${reference}`)
    if (kind === 'manifests' && manifest) return { status: 200, bytes: manifest.bytes, type: manifest.mediaType }
    const blob = this.blobs.get(reference ?? '')
    if (kind === 'blobs' && blob) return { status: 200, bytes: blob, type: 'application/octet-stream' }
    const code = kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN'
    const error = { code, message: code.toLowerCase().replace('_', ' ') }
    return { status: 404, bytes: Buffer.from(JSON.stringify({ errors: [error] })), type: 'application/json' }
  }
}

/** Ends with the test, or with the file when started in beforeAll. */
export async function startFakeRegistry(host = '127.0.0.1'): Promise<FakeRegistry> {
  const registry = new FakeRegistry()
  const server = createServer((request, response) => void registry.answer(request, response))
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  registry.host = `${host}:${(server.address() as AddressInfo).port}`
  registry.cut = () => server.closeAllConnections()
  disposeLater(
    () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return registry
}
