/** Request bodies: JSON, which is read whole and bounded, and uploads, which are not. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { InvalidParameter } from '../../kernel/errors.ts'
import { parseJson } from '../codec/json.ts'
import { type Codec, orZero, ROOT } from '../codec/schema.ts'

/** More than any real request: Docker's largest are container configurations of some hundred kilobytes. */
const MAX_JSON_BYTES = 16 * 1024 * 1024
/** A client that stops in the middle of a JSON body is given up after this. */
const IDLE_MS = 60_000

/** The client sent more than anybody needs: 413. */
export class BodyTooLarge extends InvalidParameter {}

export async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  const idle = setTimeout(() => body.destroy(new Error('the client stopped sending its request')), IDLE_MS)
  try {
    // A body that is refused half-way must not take the connection with it: the answer goes there.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      idle.refresh()
      length += chunk.length
      if (length > MAX_JSON_BYTES)
        throw new BodyTooLarge(`http: request body too large (more than ${MAX_JSON_BYTES} bytes)`)
      chunks.push(chunk)
    }
  } finally {
    clearTimeout(idle)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export interface BodyOptions {
  /** Nothing at all is the zero value, and no error. */
  optional?: boolean
  /** What is said about nothing at all: Docker's endpoints differ. */
  eof?: string
}

/** Reads a body as `codec` says. @throws InvalidParameter in the words of Go's decoder */
export async function readJson<T>(
  body: Readable,
  headers: IncomingHttpHeaders,
  codec: Codec<T>,
  { optional = false, eof = 'got EOF while reading request body' }: BodyOptions = {},
): Promise<T> {
  const text = await readText(body)
  if (text.trim() === '') {
    if (optional) return codec.zero()
    throw new InvalidParameter(eof)
  }
  checkJsonType(headers['content-type'])
  return orZero(codec, parseJson(text), ROOT)
}

/** No content type at all is taken for JSON; another one is refused, which also keeps browsers' forms out. */
function checkJsonType(contentType: string | undefined): void {
  if (contentType === undefined || contentType === '') return
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new InvalidParameter(`Content-Type specified (${contentType}) must be 'application/json'`)
  }
}
