/**
 * One repository of a registry: manifests, blobs and tags. OCI distribution specification v1.1, Docker registry HTTP API v2.
 * Every manifest is checked against its digest here; a blob's bytes are checked by who stores them, while they pass.
 */

import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { InvalidParameter, NotFound, Unavailable } from '../../kernel/errors.ts'
import { decodeJson } from '../oci.ts'
import type { Digest } from '../types.ts'
import { RegistryError } from './refusals.ts'
import type { Session, SessionResponse } from './session.ts'

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

export interface RemoteManifest {
  digest: Digest
  mediaType: string
  bytes: Buffer
}

export interface BlobOptions {
  /** Bytes that are here already. */
  offset?: number
  signal?: AbortSignal
  /** Told of a pause before another attempt, in seconds. */
  onRetry?: (seconds: number) => void
}

export class Repository {
  constructor(
    readonly session: Session,
    /** 'library/busybox' */
    private readonly path: string,
  ) {}

  /** Whether somebody answers, and to whom: before a long job begins. @throws Unauthorized, Unavailable */
  async ping(): Promise<void> {
    const response = await this.session.send({ method: 'GET', path: '', accept: [200, 404] })
    await response.body.dump()
  }

  /** @param reference a tag or a digest @throws NotFound, InvalidParameter if the bytes are not what the digest says */
  async manifest(reference: string): Promise<RemoteManifest> {
    const response = await this.session.send({
      method: 'GET',
      path: `${this.path}/manifests/${reference}`,
      headers: { accept: ACCEPTED },
      accept: [200],
    })
    const bytes = await readLimited(response.body, MAX_MANIFEST_BYTES)
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
      const { tags } = decodeJson(await readLimited(response.body, MAX_MANIFEST_BYTES)) as { tags?: string[] | null }
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
   * @throws InvalidParameter if more bytes come than `size` promises, Unavailable if again and again it ends too early
   */
  async *blob(
    digest: Digest,
    size: number,
    { offset = 0, signal, onRetry = () => {} }: BlobOptions = {},
  ): AsyncGenerator<Buffer> {
    let at = offset
    for (let failures = 0; at < size; ) {
      const { body, skip } = await this.openBlob(digest, at, signal)
      let toSkip = skip
      let reason = ''
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          const rest = chunk.subarray(Math.min(toSkip, chunk.length))
          toSkip -= chunk.length - rest.length
          if (rest.length === 0) continue
          at += rest.length
          if (at > size)
            throw new InvalidParameter(`blob ${digest} is longer than the ${size} bytes which its manifest says`)
          failures = 0
          yield rest
        }
      } catch (error) {
        this.session.throwIfAborted(signal)
        if (error instanceof InvalidParameter) throw error
        reason = `: ${(error as Error).message}`
      }
      if (at === size) return
      failures++
      if (failures >= this.session.maxTries)
        throw new Unavailable(`blob ${digest} ends after ${at} of ${size} bytes${reason}`)
      await this.session.pauseBefore(failures, { signal, onRetry })
    }
  }

  private async openBlob(
    digest: Digest,
    at: number,
    signal: AbortSignal | undefined,
  ): Promise<{ body: SessionResponse['body']; skip: number }> {
    const path = `${this.path}/blobs/${digest}`
    const send = (headers: Record<string, string>, accept: number[]) =>
      this.session.send({ method: 'GET', path, headers, accept, signal })
    if (at === 0) return { body: (await send({}, [200])).body, skip: 0 }
    const response = await send({ range: `bytes=${at}-` }, [200, 206, 416])
    // 200 in answer to a range: the registry starts at the beginning, and what is here already is passed over.
    if (response.statusCode === 200) return { body: response.body, skip: at }
    const start = Number(/^bytes (\d+)-/.exec(String(response.headers['content-range'] ?? ''))?.[1] ?? at)
    if (response.statusCode === 206 && start <= at) return { body: response.body, skip: at - start }
    await response.body.dump()
    return { body: (await send({}, [200])).body, skip: at }
  }

  /** Takes a blob over from another repository of the same registry. Returns false if the registry would not. */
  async mountBlob(digest: Digest, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from })
    const response = await this.session.send({
      method: 'POST',
      path: `${this.path}/blobs/uploads/?${query}`,
      furtherScope: `repository:${from}:pull`,
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

/** @throws InvalidParameter beyond the limit; the rest is not read */
export async function readLimited(body: SessionResponse['body'], limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) throw new InvalidParameter(`the registry sent a document of more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A manifest says itself what it is; the header is for those of old that do not. */
function mediaTypeOf(response: SessionResponse, bytes: Buffer): string {
  const document = decodeJson(bytes) as { mediaType?: unknown; schemaVersion?: unknown } | null
  if (typeof document !== 'object' || document === null) throw new InvalidParameter('the manifest is not an object')
  if (document.schemaVersion === 1) return MEDIA_TYPE.DOCKER_SCHEMA1
  if (typeof document.mediaType === 'string') return document.mediaType
  return String(response.headers['content-type'] ?? '')
    .split(';')[0]!
    .trim()
}
