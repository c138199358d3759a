/**
 * One repository of a registry: manifests, blobs and tags. OCI distribution specification v1.1, Docker registry HTTP API v2.
 * Every manifest is checked against its digest here; a blob's bytes are checked by who stores them, while they pass.
 */

import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import { InvalidParameter, NotFound, Unavailable } from '../../kernel/errors.ts'
import type { Digest } from '../types.ts'
import { RegistryError, type Session, type SessionResponse } from './session.ts'

export const MEDIA_TYPE = {
  OCI_INDEX: 'application/vnd.oci.image.index.v1+json',
  OCI_MANIFEST: 'application/vnd.oci.image.manifest.v1+json',
  DOCKER_LIST: 'application/vnd.docker.distribution.manifest.list.v2+json',
  DOCKER_MANIFEST: 'application/vnd.docker.distribution.manifest.v2+json',
  DOCKER_SCHEMA1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const

const ACCEPTED = [
  MEDIA_TYPE.OCI_INDEX,
  MEDIA_TYPE.OCI_MANIFEST,
  MEDIA_TYPE.DOCKER_LIST,
  MEDIA_TYPE.DOCKER_MANIFEST,
].join(', ')
/** The specification asks registries to take manifests of at least this size; larger ones are an attack. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const MAX_RESUMES = 5

export interface RemoteManifest {
  digest: Digest
  mediaType: string
  bytes: Buffer
}

export class Repository {
  constructor(
    private readonly session: Session,
    /** 'library/busybox' */
    private readonly path: string,
  ) {}

  /** @param reference a tag or a digest @throws NotFound, InvalidParameter if the bytes are not what the digest says */
  async manifest(reference: string): Promise<RemoteManifest> {
    const response = await this.session.send({
      method: 'GET',
      path: `${this.path}/manifests/${reference}`,
      headers: { accept: ACCEPTED },
      accept: [200],
    })
    const bytes = await readLimited(response, MAX_MANIFEST_BYTES)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
    if (reference.includes(':') && reference !== digest)
      throw new InvalidParameter(`manifest verification failed for digest ${reference}: the registry sent ${digest}`)
    return { digest, mediaType: mediaTypeOf(response, bytes), bytes }
  }

  async putManifest(reference: string, mediaType: string, bytes: Buffer): Promise<void> {
    const response = await this.session.send({
      method: 'PUT',
      path: `${this.path}/manifests/${reference}`,
      headers: { 'content-type': mediaType },
      body: bytes,
      accept: [201],
    })
    await response.body.dump()
  }

  /** All tags, page by page. */
  async tags(): Promise<string[]> {
    const found: string[] = []
    for (let next: string | null = `${this.path}/tags/list`; next !== null; ) {
      const response: SessionResponse = await this.session.send({ method: 'GET', path: next, accept: [200] })
      const { tags } = (await response.body.json()) as { tags: string[] | null }
      found.push(...(tags ?? []))
      next = /<([^>]+)>;\s*rel="?next"?/.exec(String(response.headers.link ?? ''))?.[1] ?? null
    }
    return found
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    const response = await this.session.send({
      method: 'HEAD',
      path: `${this.path}/blobs/${digest}`,
      accept: [200, 404],
    })
    await response.body.dump()
    return response.statusCode === 200
  }

  /**
   * The bytes of a blob, from `offset` on. A connection that breaks is taken up where it broke, where the registry can do that.
   * The stream fails if more or fewer bytes come than `size` promises.
   */
  blob(digest: Digest, size: number, offset = 0): Readable {
    return Readable.from(this.blobChunks(digest, size, offset), { objectMode: false })
  }

  private async *blobChunks(digest: Digest, size: number, offset: number): AsyncGenerator<Buffer> {
    let at = offset
    for (let resumes = 0; at < size; resumes++) {
      const { body, skip } = await this.openBlob(digest, at)
      let toSkip = skip
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          const rest = chunk.subarray(Math.min(toSkip, chunk.length))
          toSkip -= chunk.length - rest.length
          if (rest.length === 0) continue
          at += rest.length
          if (at > size)
            throw new InvalidParameter(`blob ${digest} is longer than the ${size} bytes which its manifest says`)
          resumes = 0
          yield rest
        }
      } catch (error) {
        if (error instanceof InvalidParameter || resumes >= MAX_RESUMES) throw error
        continue
      }
      if (at < size && resumes >= MAX_RESUMES)
        throw new Unavailable(`blob ${digest} ends after ${at} of ${size} bytes, again and again`)
    }
  }

  private async openBlob(digest: Digest, at: number): Promise<{ body: SessionResponse['body']; skip: number }> {
    const response = await this.session.send({
      method: 'GET',
      path: `${this.path}/blobs/${digest}`,
      headers: at > 0 ? { range: `bytes=${at}-` } : {},
      accept: [200, 206],
    })
    // 200 in answer to a range: the registry starts at the beginning, and what is here already is passed over.
    return { body: response.body, skip: response.statusCode === 206 ? 0 : at }
  }

  /** Takes a blob over from another repository of the same registry. Returns false if the registry would not. */
  async mountBlob(digest: Digest, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from })
    const response = await this.session.send({
      method: 'POST',
      path: `${this.path}/blobs/uploads/?${query}`,
      accept: [201, 202],
    })
    await response.body.dump()
    if (response.statusCode === 201) return true
    // 202 opened an upload in its place, which nobody will fill.
    await this.cancelUpload(locationOf(response))
    return false
  }

  /** Sends a blob in one piece. `onSent` is told of the bytes that have gone out. */
  async uploadBlob(
    digest: Digest,
    size: number,
    content: () => Readable,
    onSent: (bytes: number) => void,
  ): Promise<void> {
    const opened = await this.session.send({ method: 'POST', path: `${this.path}/blobs/uploads/`, accept: [202] })
    await opened.body.dump()
    const target = new URL(this.absolute(locationOf(opened)))
    target.searchParams.set('digest', digest)
    const source = content()
    const counted = source.pipe(counter(onSent))
    source.on('error', error => counted.destroy(error))
    const response = await this.session.send({
      method: 'PUT',
      path: target.href,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: counted,
      accept: [201],
      once: true,
    })
    await response.body.dump()
  }

  /** Sends a blob whose digest is known when its last byte has gone out: chunked, then named. */
  async uploadStream(body: Readable, digestAtEnd: () => Digest): Promise<Digest> {
    const opened = await this.session.send({ method: 'POST', path: `${this.path}/blobs/uploads/`, accept: [202] })
    await opened.body.dump()
    const sent = await this.session.send({
      method: 'PATCH',
      path: this.absolute(locationOf(opened)),
      headers: { 'content-type': 'application/octet-stream' },
      body,
      accept: [202, 204],
      once: true,
    })
    await sent.body.dump()
    const digest = digestAtEnd()
    const target = new URL(this.absolute(locationOf(sent)))
    target.searchParams.set('digest', digest)
    const named = await this.session.send({ method: 'PUT', path: target.href, accept: [201] })
    await named.body.dump()
    return digest
  }

  private absolute(location: string): string {
    return new URL(location, `${this.session.endpoint.url}/v2/`).href
  }

  private async cancelUpload(location: string): Promise<void> {
    try {
      const response = await this.session.send({
        method: 'DELETE',
        path: location,
        accept: [204, 202, 404],
        once: true,
      })
      await response.body.dump()
    } catch (error) {
      // Registries drop forgotten uploads by themselves, and some cannot be told to.
      if (!(error instanceof RegistryError || error instanceof NotFound)) throw error
    }
  }
}

function locationOf(response: SessionResponse): string {
  const { location } = response.headers
  if (typeof location !== 'string')
    throw new Unavailable('the registry opened an upload without saying where (no Location)')
  return location
}

function counter(onBytes: (bytes: number) => void): Transform {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length
      onBytes(total)
      done(null, chunk)
    },
  })
}

async function readLimited(response: SessionResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) throw new InvalidParameter(`the manifest is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A manifest says itself what it is; the header is for those of old that do not. */
function mediaTypeOf(response: SessionResponse, bytes: Buffer): string {
  const said = (JSON.parse(bytes.toString('utf8')) as { mediaType?: string }).mediaType
  return (
    said ??
    String(response.headers['content-type'] ?? '')
      .split(';')[0]!
      .trim()
  )
}
