/**
 * The Engine API on HTTP/1.1: one server, any number of sockets.
 * Contract: Docker Engine API v1.47, with what clients rely on beyond it.
 */

import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { Connection, requestClass } from './http/connection.ts'
import { type Dispatcher, dispatch, type Observe } from './http/dispatch.ts'
import { type ListenAddress, listenOn } from './http/listen.ts'
import { Router } from './http/router.ts'
import { socketBody } from './http/socket-body.ts'
import { parseTarget } from './http/target.ts'
import { API_VERSION } from './http/version.ts'
import { routes } from './routes/index.ts'
import type { Services } from './services.ts'

export type { Observe } from './http/dispatch.ts'
export type { ListenAddress } from './http/listen.ts'
export { API_VERSION, MIN_API_VERSION } from './http/version.ts'

export interface ApiOptions {
  log: Logger
  /** Log every request. */
  debug: boolean
  /** Called with every answered request. */
  observe?: Observe
  /** Called when skiff's own command line has come over HTTP. */
  onOwnClient?: () => void
}

export interface ApiServer {
  /** Resolves when connections are accepted; for tcp with port 0 says which port it became. */
  listen(address: ListenAddress): Promise<{ port: number | null }>
  /** Accepts nothing more, gives requests in progress `graceMs` to end, then cuts every connection. */
  close(graceMs: number): Promise<void>
}

/** A client that does not get its header through in this time is given up. */
const HEADERS_TIMEOUT_MS = 60_000
/** As Go's default: credentials of many registries travel in one header. */
const MAX_HEADER_BYTES = 1024 * 1024

export function createApiServer(services: Services, options: ApiOptions): ApiServer {
  const { version } = services.system.version()
  const dispatcher: Dispatcher = {
    services,
    router: new Router(routes),
    log: options.log,
    debug: options.debug,
    ...(options.observe && { observe: options.observe }),
    headers: {
      'Api-Version': API_VERSION,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `Docker/${version} (linux)`,
    },
  }
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  return {
    async listen(address) {
      const server = newServer(dispatcher, sockets)
      if (options.onOwnClient) greetOwnClient(server, options.onOwnClient)
      const listening = await listenOn(server, address)
      servers.push(server)
      return listening
    },
    async close(graceMs) {
      const closed = servers.map(server => new Promise<void>(resolve => server.close(() => resolve())))
      for (const server of servers) server.closeIdleConnections()
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, graceMs)
      await Promise.all(closed)
      clearTimeout(cut)
    },
  }
}

/** Once is enough: then it is not looked for any more. */
function greetOwnClient(server: Server, greet: () => void): void {
  const look = ({ headers }: IncomingMessage): void => {
    if (headers['user-agent'] !== 'skiff') return
    server.off('request', look)
    greet()
  }
  server.on('request', look)
}

function newServer(dispatcher: Dispatcher, sockets: Set<Socket>): Server {
  const takesOver = (method: string, url: string) =>
    dispatcher.router.match(method, parseTarget(url).path)?.route.hijack === true
  const server = createServer({
    IncomingMessage: requestClass(takesOver),
    headersTimeout: HEADERS_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Uploads and streams take as long as they take, and an idle connection belongs to a client that will come back:
    // closing it under its hands makes requests fail now and then.
    requestTimeout: 0,
    keepAliveTimeout: 0,
    // On TCP, the kernel's probes find clients whose machine has gone.
    keepAlive: true,
  })
  server.on('connection', socket => {
    leaveBodies(socket)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => {
    const gone = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) gone.abort()
    })
    void dispatch(dispatcher, { request, response, body: request, signal: gone.signal })
  })
  server.on('upgrade', (request, socket: Socket, head: Buffer) => takeOver(dispatcher, request, socket, head))
  server.on('clientError', refuse)
  return server
}

/** What the parser is to make of a request whose header it has read: llhttp's word for "what follows is none of HTTP's". */
const TAKES_OVER = 2

interface Parsing {
  parser?: { onIncoming(request: IncomingMessage & { upgrade?: boolean }, keepAlive: boolean): number } | null
}

/**
 * Node 26 reads the body of a request that takes its connection over as well, and holds back what follows; earlier ones leave all of
 * it to us, who know where input begins (socket-body.ts). The same everywhere: what the server tells its parser is not documented.
 */
function leaveBodies(socket: Socket & Parsing): void {
  const { parser } = socket
  if (!parser) return
  const onIncoming = parser.onIncoming.bind(parser)
  parser.onIncoming = (request, keepAlive) => {
    const answer = onIncoming(request, keepAlive)
    return request.upgrade ? TAKES_OVER : answer
  }
}

function takeOver(dispatcher: Dispatcher, request: IncomingMessage, socket: Socket, head: Buffer): void {
  if (head.length > 0) socket.unshift(head)
  const gone = new AbortController()
  // A reset is followed by 'close', which is where it is dealt with.
  socket.on('error', () => undefined)
  socket.once('close', () => gone.abort())
  // For the answer if it is an ordinary one after all; the connection ends with it.
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.destroySoon())
  void dispatch(dispatcher, {
    request,
    response,
    body: socketBody(request, socket),
    signal: gone.signal,
    connection: new Connection(request, socket, dispatcher.headers),
  })
}

const REFUSALS: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** What is no HTTP, or does not become it in time, has no handler: as Go's server answers it. */
function refuse(error: Error & { code?: string }, socket: NodeJS.WritableStream & { writable: boolean }): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
}
