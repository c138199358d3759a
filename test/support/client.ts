/**
 * The Engine API as tests speak it: plain requests over a Unix socket, to skiff's daemon or to Docker's alike.
 * Not src/client on purpose: a mistake made on both sides of that would go unseen.
 */

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** The version that both engines speak: Docker 20.10's. */
export const API_VERSION = '1.41'

/** JSON as it comes from the wire. Tests name the fields they look at. */
// biome-ignore lint/suspicious/noExplicitAny: whatever an engine answers is what the test is about
export type Json = any

export type Query = Record<string, string | number | boolean | readonly string[] | object | undefined>

export interface RequestOptions {
  query?: Query
  /** An object goes out as JSON; bytes and streams as they are. */
  body?: object | string | Buffer | NodeJS.ReadableStream
  headers?: Record<string, string>
  signal?: AbortSignal
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body parsed, or undefined when it is empty or no JSON. */
  json: Json
}

/** An answer with a status of 400 or more. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** A connection that has become a stream of bytes (attach, exec). */
export interface Hijacked {
  status: number
  headers: IncomingHttpHeaders
  socket: Socket
  /** Ends this side; what the process still writes is read on. */
  end(data?: string): void
  /** Everything until the end of the connection, taken apart by stream. */
  output(): Promise<Output>
  /** Everything until the end of the connection, as it came (with a TTY). */
  raw(): Promise<string>
}

export interface Output {
  stdout: string
  stderr: string
}

export interface Frame {
  stream: 'stdin' | 'stdout' | 'stderr'
  data: Buffer
}

const STREAMS = ['stdin', 'stdout', 'stderr'] as const
const FRAME_HEADER = 8

/** Takes a multiplexed stream apart: 8 bytes of header (stream, 0 0 0, length as big-endian u32), then the payload. */
export function demultiplex(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  let offset = 0
  while (offset < bytes.length) {
    if (bytes.length - offset < FRAME_HEADER) throw new Error(`a frame's header is cut off at ${offset}`)
    const stream = STREAMS[bytes.readUInt8(offset)]
    const length = bytes.readUInt32BE(offset + 4)
    const start = offset + FRAME_HEADER
    if (stream === undefined)
      throw new Error(`no frame begins at ${offset}: ${bytes.subarray(offset, start).toString('hex')}`)
    if (start + length > bytes.length) throw new Error(`the frame at ${offset} is cut off`)
    frames.push({ stream, data: bytes.subarray(start, start + length) })
    offset = start + length
  }
  return frames
}

/** The text of each stream of a multiplexed body. */
export function outputOf(bytes: Buffer): Output {
  const frames = demultiplex(bytes)
  const text = (stream: Frame['stream']) =>
    Buffer.concat(frames.filter(frame => frame.stream === stream).map(frame => frame.data)).toString()
  return { stdout: text('stdout'), stderr: text('stderr') }
}

function queryString(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (Array.isArray(value)) for (const item of value) parameters.append(key, String(item))
    else parameters.append(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const text = parameters.toString()
  return text && `?${text}`
}

function parse(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One engine's API. Paths come without a version; it is put before them unless they begin with `/v1.`. */
export class EngineApi {
  readonly #agent = new Agent({ keepAlive: true })
  constructor(
    readonly socket: string,
    readonly version: string = API_VERSION,
  ) {}

  #send(
    method: string,
    path: string,
    options: RequestOptions,
    extra: Record<string, string> = {},
    agent: Agent | false = this.#agent,
  ) {
    const { query = {}, body, headers = {}, signal } = options
    const isStream = typeof body === 'object' && 'pipe' in body
    const isJson = typeof body === 'object' && !isStream && !Buffer.isBuffer(body)
    const bytes =
      body === undefined || isStream
        ? undefined
        : Buffer.from(isJson ? JSON.stringify(body) : (body as string | Buffer))
    const sent = request({
      socketPath: this.socket,
      agent,
      method,
      path: `${/^\/v1\./.test(path) ? '' : `/v${this.version}`}${path}${queryString(query)}`,
      headers: {
        Host: 'localhost',
        ...(isJson && { 'Content-Type': 'application/json' }),
        ...(bytes && { 'Content-Length': String(bytes.length) }),
        ...extra,
        ...headers,
      },
      ...(signal && { signal }),
    })
    if (isStream) (body as NodeJS.ReadableStream).pipe(sent)
    else sent.end(bytes)
    return sent
  }

  /** The answer as soon as its header is here; the caller reads or destroys it. */
  stream(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#send(method, path, options).once('response', resolve).once('error', reject)
    })
  }

  /** The whole answer, whatever its status. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await this.stream(method, path, options)
    const text = (await buffer(response)).toString()
    return { status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) }
  }

  /** The body of a successful answer: parsed when it is one JSON value, else as text. An error becomes an ApiError. */
  async call(method: string, path: string, options: RequestOptions = {}): Promise<Json> {
    const { status, text, json } = await this.request(method, path, options)
    if (status >= 400) throw new ApiError(status, json?.message ?? text)
    return json ?? text
  }

  get = (path: string, query: Query = {}): Promise<Json> => this.call('GET', path, { query })
  post = (path: string, body?: RequestOptions['body'], query: Query = {}): Promise<Json> =>
    this.call('POST', path, body === undefined ? { query } : { query, body })
  delete = (path: string, query: Query = {}): Promise<Json> => this.call('DELETE', path, { query })

  /** The body of a successful answer as bytes. */
  async bytes(path: string, query: Query = {}): Promise<Buffer> {
    const response = await this.stream('GET', path, { query })
    const body = await buffer(response)
    if ((response.statusCode ?? 0) >= 400)
      throw new ApiError(response.statusCode ?? 0, parse(body.toString())?.message ?? '')
    return body
  }

  /** POSTs and takes the connection over. `upgrade: false` leaves the Upgrade header out, as old clients do. */
  hijack(path: string, options: RequestOptions & { upgrade?: boolean } = {}): Promise<Hijacked> {
    const { upgrade = true, ...rest } = options
    const extra: Record<string, string> = upgrade ? { Connection: 'Upgrade', Upgrade: 'tcp' } : { Connection: 'close' }
    return new Promise((resolve, reject) => {
      const sent = this.#send('POST', path, rest, extra, false)
      sent.once('upgrade', (response, socket: Socket, head) => {
        if (head.length > 0) socket.unshift(head)
        resolve(hijacked(response, socket, socket))
      })
      sent.once('response', response => {
        if ((response.statusCode ?? 0) < 400) return resolve(hijacked(response, response.socket, response))
        buffer(response).then(
          body => reject(new ApiError(response.statusCode ?? 0, parse(body.toString())?.message ?? body.toString())),
          reject,
        )
      })
      sent.once('error', reject)
    })
  }

  /** Closes the idle connections. */
  close(): void {
    this.#agent.destroy()
  }
}

/** `source` is where the output comes from: the socket after 101, the body that runs until the connection ends after 200. */
const hijacked = (response: IncomingMessage, socket: Socket, source: Socket | IncomingMessage): Hijacked => ({
  status: response.statusCode ?? 0,
  headers: response.headers,
  socket,
  end: data => void (data === undefined ? socket.end() : socket.end(data)),
  output: async () => outputOf(await buffer(source)),
  raw: async () => (await buffer(source)).toString(),
})
