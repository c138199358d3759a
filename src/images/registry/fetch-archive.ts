/** `docker import URL`: a root file system from a web server, over the daemon's proxies. */

import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { InvalidParameter, SkiffError, Unavailable } from '../../kernel/errors.ts'
import { type ProxyConfig, RoutingDispatcher } from './proxies.ts'
import { reasonOf } from './refusals.ts'

export interface FetchedArchive {
  /** Bytes; undefined if the server does not say. */
  size: number | undefined
  body: Readable
}

const MAX_REDIRECTS = 10
const SILENCE_MS = 60_000

/** @throws InvalidParameter, Unavailable */
export async function fetchArchive(source: string, proxies: ProxyConfig, signal: AbortSignal): Promise<FetchedArchive> {
  const dispatcher = new RoutingDispatcher({ headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS }, proxies)
  try {
    const { body, headers } = await get(parse(source), dispatcher, signal)
    const length = headers['content-length']
    return { size: typeof length === 'string' ? Number(length) : undefined, body: ending(body, dispatcher) }
  } catch (error) {
    await dispatcher.destroy()
    if (error instanceof SkiffError) throw error
    throw new Unavailable(`Get ${JSON.stringify(source)}: ${reasonOf(error as NodeJS.ErrnoException)}`, {
      cause: error,
    })
  }
}

function parse(source: string): URL {
  const text = /^https?:\/\//.test(source) ? source : `http://${source}`
  if (!URL.canParse(text)) throw new InvalidParameter(`invalid URL: ${JSON.stringify(source)}`)
  return new URL(text)
}

async function get(start: URL, dispatcher: RoutingDispatcher, signal: AbortSignal) {
  let url = start
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await request(url, { dispatcher, signal, headers: { 'user-agent': 'skiff' } })
    const { location } = answer.headers
    if (answer.statusCode < 300) return answer
    await answer.body.dump()
    if (answer.statusCode >= 400) {
      const status = `${answer.statusCode} ${STATUS_CODES[answer.statusCode] ?? ''}`.trimEnd()
      throw new InvalidParameter(`failed to GET ${url.href} with status ${status}`)
    }
    if (typeof location !== 'string' || !URL.canParse(location, url.href)) break
    url = new URL(location, url)
  }
  throw new Unavailable(`Get "${start.href}": stopped after ${MAX_REDIRECTS} redirects`)
}

/** The connections end with the body. */
function ending(body: AsyncIterable<Buffer>, dispatcher: RoutingDispatcher): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      yield* body
    } finally {
      await dispatcher.destroy()
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}
