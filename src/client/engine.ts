/** The Engine API over HTTP/1.1: requests, their errors, and connections that become byte streams. */

import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Address } from './address.ts'
import { ApiError, connectionError, isAbsent } from './errors.ts'

/** The newest version of the API that this client speaks. */
export const API_VERSION = '1.47'

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface RequestOptions {
  readonly query?: Query | undefined
  /** Sent as JSON; bytes and streams go out as they are. */
  readonly body?: object | Buffer | Readable | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

/** A connection to a process: what it writes can be read from `output`, `input` is its stdin. */
export interface Hijacked {
  /** null: nothing can be sent. */
  readonly input: Socket | null
  readonly output: Readable
  /** Of the answer. */
  readonly headers: IncomingHttpHeaders
}

/** What _ping tells of the daemon. */
export interface Ping {
  readonly apiVersion: string
  readonly experimental: boolean
}

export interface EngineOptions {
  /** Speak this version and do not ask the daemon for its own. */
  readonly pinnedVersion?: string | undefined
  /** Called when nobody listens at the first contact; the contact is tried again after it. */
  readonly onAbsent?: (() => Promise<void>) | undefined
  /** Told of every request and its answer. */
  readonly trace?: ((line: string) => void) | undefined
  /** Ends every connection, also those taken over. */
  readonly closed?: AbortSignal | undefined
  /** Idle connections to share with other engines of this address; whoever made them closes them. */
  readonly agent?: Agent | undefined
  /** The daemon is of this client's very build: it has what Docker's has not. */
  readonly sameBuild?: boolean | undefined
}

export class Engine {
  readonly #agent: Agent
  /** What `closed` ends. One listener for all: to have Node listen for each (its `signal`) takes as long as to send it. */
  readonly #underway = new Set<ClientRequest>()
  #version: Promise<string> | undefined

  constructor(
    readonly address: Address,
    private readonly options: EngineOptions = {},
  ) {
    this.#agent = options.agent ?? new Agent({ keepAlive: true })
    options.closed?.addEventListener('abort', () => {
      for (const sent of this.#underway) sent.destroy()
    })
  }

  /** The version spoken: ours, or the daemon's when it is older. */
  get hasSkiffsOwn(): boolean {
    return this.options.sameBuild === true
  }

  version(): Promise<string> {
    this.#version ??= this.#negotiate()
    return this.#version
  }

  async ping(): Promise<Ping> {
    const response = await this.#send('HEAD', '/_ping', {})
    response.resume()
    const { 'api-version': apiVersion, 'docker-experimental': experimental } = response.headers
    return { apiVersion: String(apiVersion ?? API_VERSION), experimental: experimental === 'true' }
  }

  async #negotiate(): Promise<string> {
    const { pinnedVersion, onAbsent } = this.options
    if (pinnedVersion) return pinnedVersion
    const { apiVersion } = await this.ping().catch(async error => {
      if (!onAbsent || !isAbsent(error)) throw error
      await onAbsent()
      return await this.ping()
    })
    return compareVersions(apiVersion, API_VERSION) < 0 ? apiVersion : API_VERSION
  }

  /** The answer once its header is here. @throws ApiError for a status of 400 or more, ConnectionError */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const version = await this.version().catch(error => {
      streamOf(options.body)?.destroy()
      throw error
    })
    const response = await this.#send(method, `/v${version}${path}`, options)
    if ((response.statusCode ?? 0) >= 400) throw await apiError(response)
    return response
  }

  /** The body parsed; undefined where there is none. */
  async call<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.request(method, path, options)
    const text = (await this.#body(response)).toString()
    return (text ? JSON.parse(text) : undefined) as T
  }

  /** The body as text. */
  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    return (await this.#body(await this.request(method, path, options))).toString()
  }

  get = <T>(path: string, query: Query = {}): Promise<T> => this.call<T>('GET', path, { query })
  post = <T = void>(path: string, query: Query = {}, body?: object): Promise<T> =>
    this.call<T>('POST', path, { query, body })
  delete = <T = void>(path: string, query: Query = {}): Promise<T> => this.call<T>('DELETE', path, { query })

  /** POSTs and takes the connection over for attach and exec. */
  async hijack(path: string, options: RequestOptions = {}): Promise<Hijacked> {
    const target = `/v${await this.version()}${path}`
    const headers = { ...options.headers, Connection: 'Upgrade', Upgrade: 'tcp' }
    const sent = this.#open('POST', target, { ...options, headers }, false)
    return new Promise((resolve, reject) => {
      sent.once('upgrade', ({ headers }, socket: Socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head)
        this.options.closed?.addEventListener('abort', () => socket.destroy(), { once: true })
        resolve({ input: socket, output: socket, headers })
      })
      // A daemon that does not upgrade answers 200 and writes until it closes the connection.
      sent.once('response', response => {
        if ((response.statusCode ?? 0) < 400)
          resolve({ input: response.socket, output: response, headers: response.headers })
        else apiError(response).then(reject, reject)
      })
      sent.once('error', error => reject(connectionError(error, this.address.text)))
    })
  }

  /** The same where nothing is sent: an ordinary answer, whose connection is kept. */
  async listen(path: string, options: RequestOptions = {}): Promise<Hijacked> {
    const response = await this.request('POST', path, options)
    return { input: null, output: response, headers: response.headers }
  }

  /** Closes idle connections. */
  close(): void {
    if (!this.options.agent) this.#agent.destroy()
  }

  async #body(response: IncomingMessage): Promise<Buffer> {
    try {
      return await wholeBody(response)
    } catch (error) {
      throw connectionError(error as Error, this.address.text)
    }
  }

  #send(method: string, target: string, options: RequestOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = this.#open(method, target, options, this.#agent)
      sent.once('response', resolve)
      sent.once('error', error => reject(connectionError(error, this.address.text)))
    })
  }

  #trace(sent: ClientRequest, method: string, target: string, body: object | undefined): void {
    const { trace } = this.options
    if (!trace) return
    const began = performance.now()
    // What /auth is sent is a password.
    const shown = body && !target.endsWith('/auth') ? ` ${JSON.stringify(body)}` : ''
    trace(`--> ${method} ${target}${shown}`)
    const answered = ({ statusCode }: IncomingMessage) =>
      trace(`<-- ${statusCode} ${method} ${target} (${(performance.now() - began).toFixed(1)} ms)`)
    sent.once('response', answered)
    sent.once('upgrade', answered)
  }

  #endWhenClosed(sent: ClientRequest, closed: AbortSignal): void {
    if (closed.aborted) sent.destroy()
    this.#underway.add(sent)
    sent.once('close', () => this.#underway.delete(sent))
  }

  #open(method: string, target: string, options: RequestOptions, agent: Agent | false): ClientRequest {
    const { query = {}, body, headers = {}, signal } = options
    const stream = streamOf(body)
    const json = body !== undefined && !stream && !Buffer.isBuffer(body)
    const bytes = stream || body === undefined ? undefined : json ? Buffer.from(JSON.stringify(body)) : (body as Buffer)
    const place = 'socketPath' in this.address ? this.address : { host: this.address.host, port: this.address.port }
    const basePath = 'basePath' in this.address ? this.address.basePath : ''
    const sent = httpRequest({
      ...place,
      agent,
      method,
      path: basePath + target + queryString(query),
      headers: {
        Host: 'host' in place ? `${place.host}:${place.port}` : 'api.skiff.localhost',
        'User-Agent': 'skiff',
        ...(json && { 'Content-Type': 'application/json' }),
        // Without it a bodiless POST would be sent chunked.
        ...(!stream && method === 'POST' && { 'Content-Length': String(bytes?.length ?? 0) }),
        ...headers,
      },
      ...(signal && { signal }),
    })
    if (this.options.closed) this.#endWhenClosed(sent, this.options.closed)
    this.#trace(sent, method, target + queryString(query), json ? body : undefined)
    if (stream) {
      stream.once('error', error => sent.destroy(error))
      // What the daemon did not want to have is read no further, and a file is closed.
      sent.once('close', () => stream.destroy())
      stream.pipe(sent)
    } else sent.end(bytes)
    return sent
  }
}

const streamOf = (body: RequestOptions['body']): Readable | undefined =>
  body !== undefined && 'pipe' in body ? (body as Readable) : undefined

/** Negative when a is older than b. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}

/** Node's own `buffer` (stream/consumers) makes a Blob of it first: that takes longer than all the rest of reading a short answer. */
function wholeBody(response: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    response.on('data', (piece: Buffer) => pieces.push(piece))
    response.once('end', () => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)))
    response.once('error', reject)
    response.once('close', () => {
      if (!response.readableEnded) reject(new Error('aborted'))
    })
  })
}

async function apiError(response: IncomingMessage): Promise<ApiError> {
  const text = (await wholeBody(response)).toString()
  const status = response.statusCode ?? 0
  try {
    const { message } = JSON.parse(text) as { message?: string }
    if (message !== undefined) return new ApiError(status, message.trim())
  } catch {
    // Not JSON: an answer from before API 1.24, or from something that is no daemon.
  }
  return new ApiError(status, text.trim() || `${response.statusMessage ?? status}`)
}

function queryString(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'object') for (const item of value) parameters.append(key, item)
    else parameters.append(key, value === true ? '1' : String(value))
  }
  const text = parameters.toString()
  return text && `?${text}`
}

/** Filters as the API takes them: JSON of a map from name to values. */
export const filtersParameter = (filters: Readonly<Record<string, readonly string[]>>): string | undefined =>
  Object.keys(filters).length > 0 ? JSON.stringify(filters) : undefined
