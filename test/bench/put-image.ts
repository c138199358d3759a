/** Puts an image into a registry, blob by blob, in one request each. OCI distribution specification, "Push". */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface Blob {
  path: string
  /** Media type. */
  type: string
  digest: string
  size: number
}

export async function putImage(host: string, name: string, config: Buffer, layers: readonly Blob[]): Promise<void> {
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`
  await putBlob(host, name, digest, config.length, Readable.from([config]))
  for (const layer of layers) await putBlob(host, name, layer.digest, layer.size, createReadStream(layer.path))
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length },
    layers: layers.map(({ type, digest, size }) => ({ mediaType: type, digest, size })),
  })
  await put(`http://${host}/v2/${name}/manifests/latest`, type, manifest.length, Readable.from([manifest]))
}

async function putBlob(host: string, name: string, digest: string, size: number, content: Readable): Promise<void> {
  const begun = await fetch(`http://${host}/v2/${name}/blobs/uploads/`, { method: 'POST' })
  const to = new URL(begun.headers.get('location') ?? '', `http://${host}`)
  to.searchParams.set('digest', digest)
  await put(to.href, 'application/octet-stream', size, content)
}

async function put(url: string, type: string, size: number, content: Readable): Promise<void> {
  const headers = { 'Content-Type': type, 'Content-Length': size }
  const sent = request(url, { method: 'PUT', headers })
  const answered = new Promise<number>((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
  })
  await pipeline(content, sent)
  if ((await answered) !== 201) throw new Error(`PUT ${url}: ${await answered}`)
}
