/** One request and its answer, as handlers see them. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import type { Codec } from '../codec/schema.ts'
import type { Services } from '../services.ts'
import { type BodyOptions, readJson } from './body.ts'
import type { Connection } from './connection.ts'
import type { Query } from './query.ts'
import { isSendable, sendPast } from './send-past.ts'
import { compareVersions } from './version.ts'

export interface CallParts {
  services: Services
  log: () => Logger
  params: Record<string, string>
  query: Query
  /** The API version that the client speaks. */
  version: string
  request: IncomingMessage
  response: ServerResponse
  /** Where the request's body is read: the request itself, unless the connection is to be taken over. */
  body: Readable
  /** Aborted when the client goes away before it has its answer. */
  signal: AbortSignal
  /** Only on routes that take the connection over. */
  connection?: Connection
}

export class Call {
  readonly services: Services
  readonly query: Query
  readonly version: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Readable
  readonly signal: AbortSignal
  readonly #log: () => Logger
  readonly #params: Record<string, string>
  readonly #connection: Connection | undefined

  constructor(parts: CallParts) {
    this.services = parts.services
    this.#log = parts.log
    this.query = parts.query
    this.version = parts.version
    this.request = parts.request
    this.response = parts.response
    this.body = parts.body
    this.signal = parts.signal
    this.#params = parts.params
    this.#connection = parts.connection
  }

  get log(): Logger {
    return this.#log()
  }

  /** A parameter of the path. */
  param(name: string): string {
    const value = this.#params[name]
    if (value === undefined) throw new Error(`the route has no parameter ${name}`)
    return value
  }

  get connection(): Connection {
    if (!this.#connection) throw new Error('the route does not take the connection over')
    return this.#connection
  }

  /** Whether the client speaks this version of the API or a newer one. */
  since(version: string): boolean {
    return compareVersions(this.version, version) >= 0
  }

  /** @throws InvalidParameter */
  json<T>(codec: Codec<T>, options: BodyOptions = {}): Promise<T> {
    return readJson(this.body, this.request.headers, codec, options)
  }

  /** Answers with JSON, which Docker ends with a newline. */
  send(status: number, value: unknown): void {
    this.sendJson(status, JSON.stringify(value))
  }

  /** The same with what is JSON already. */
  sendJson(status: number, json: string): void {
    const body = Buffer.from(`${json}\n`)
    this.response
      .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length })
      .end(this.request.method === 'HEAD' ? undefined : body)
  }

  text(status: number, value: string): void {
    this.response
      .writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(value) })
      .end(this.request.method === 'HEAD' ? undefined : value)
  }

  /** Answers with a status alone. 204 and 304 have no length; anything else says that it is empty. */
  empty(status: number): void {
    if (status !== 204 && status !== 304) this.response.setHeader('Content-Length', 0)
    this.response.writeHead(status).end()
  }

  /** Sends the header of a stream before there is any data. */
  begin(contentType: string | null, headers: Record<string, string> = {}): void {
    if (contentType !== null) this.response.setHeader('Content-Type', contentType)
    this.response.writeHead(200, headers)
    this.response.flushHeaders()
  }

  /** Answers with a stream of bytes, as fast as the client takes them; the source is destroyed when the client goes. */
  async stream(contentType: string | null, source: Readable): Promise<void> {
    try {
      this.begin(contentType)
      if (isSendable(source) && (await sendPast(this.response, source, this.signal))) return
      await pipeline(source, this.response)
    } finally {
      source.destroy()
    }
  }
}
