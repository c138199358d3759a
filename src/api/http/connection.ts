/**
 * Requests that take their connection over: attach and exec start.
 *
 * Node hands such a connection out bare when it takes a request for an upgrade, and it asks `upgrade` of the request for that.
 * The class made here answers by the route instead of by the header: clients of the old form send none, and others (curl --http2)
 * send one with everything. What follows the header, the request's body included, is then ours to read.
 *
 *     client                                    server
 *     POST /exec/ID/start, Upgrade: tcp   ──▶
 *     {"Detach":false}                    ──▶
 *                                         ◀──   101 UPGRADED            by itself, see `taken`
 *     stdin …                             ──▶
 *     half-close                          ──▶
 *                                         ◀──   stdout, stderr …, end
 */

import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { hasHungUp, unreadByPeer } from '../../kernel/socket-peer.ts'
import { inputOf } from './socket-body.ts'
import { openWebSocket } from './websocket.ts'

/** The class of requests that a server is to make: `takesOver` knows the routes. */
export function requestClass(takesOver: (method: string, url: string) => boolean): typeof IncomingMessage {
  return class EngineRequest extends IncomingMessage {
    /** Node asks several times, and not before it has both. */
    #upgrade: boolean | undefined

    get upgrade(): boolean {
      this.#upgrade ??= takesOver(this.method ?? '', this.url ?? '')
      return this.#upgrade
    }
    set upgrade(_fromHeader: boolean) {
      // Node's parser writes here what the header says.
    }
  }
}

/** How long a header may wait for the client to read it before the output follows anyway. */
const HEADER_PATIENCE_MS = 50

/** Nobody is there to be told of it, and it is no failure of ours. */
export class ClientGone extends Error {}

export class Connection {
  readonly #request: IncomingMessage
  readonly #socket: Socket
  readonly #headers: Record<string, string>
  accepted = false

  constructor(request: IncomingMessage, socket: Socket, headers: Record<string, string>) {
    this.#request = request
    this.#socket = socket
    this.#headers = headers
  }

  /** Sends the answer's header, on its own. */
  async accept(contentType: string, headers: Record<string, string> = {}): Promise<void> {
    this.accepted = true
    const upgrade = this.#request.headers.upgrade !== undefined
    const lines = [
      upgrade ? 'HTTP/1.1 101 UPGRADED' : 'HTTP/1.1 200 OK',
      `Content-Type: ${contentType}`,
      ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
      ...Object.entries({ ...this.#headers, ...headers }).map(([name, value]) => `${name}: ${value}`),
    ]
    await write(this.#socket, `${lines.join('\r\n')}\r\n\r\n`)
  }

  /** Says something in the place of a process's output, and ends. */
  async say(words: Buffer | string): Promise<void> {
    await taken(this.#socket)
    await write(this.#socket, words)
    this.#socket.destroySoon()
  }

  /** Becomes a WebSocket. */
  webSocket(): Promise<Duplex> {
    this.accepted = true
    return openWebSocket(this.#request, this.#socket)
  }

  /** What the client sends once its request has been read. */
  get rest(): Readable {
    return this.#socket
  }

  /** What the client sends for a process: the request's body has not been read. */
  get input(): Readable {
    const { 'content-length': length, 'transfer-encoding': coding } = this.#request.headers
    return Number(length ?? 0) === 0 && coding === undefined ? this.#socket : inputOf(this.#request, this.#socket)
  }

  /**
   * Joins the connection with a process's streams until its output ends. The end of `input` ends the process's standard input
   * and nothing else; the client's going away destroys `process`. Without `input` what the client sends is dropped.
   * @param last what is said after that
   */
  async join(process: Duplex, input: Readable | null, last?: () => Promise<Buffer | null>): Promise<void> {
    const socket = this.#socket
    process.on('error', () => socket.destroy())
    input?.on('error', () => socket.destroy())
    if (socket.destroyed) process.destroy()
    socket.once('close', () => process.destroy())
    socket.once('end', () => watchForHangUp(socket))
    if (input) input.pipe(process)
    else socket.resume()
    await taken(socket)
    const ended = finished(process, { writable: false })
    process.pipe(socket, { end: false })
    // An output that breaks off is told by the end of the connection: there is no other way.
    const isWhole = await ended.then(
      () => true,
      () => false,
    )
    const words = isWhole ? await last?.() : null
    if (words && !socket.destroyed) await write(socket, words)
    socket.destroySoon()
  }
}

/** Every descriptor of Node's sockets is in here, though it is not documented. -1 when it is closed. */
export const descriptorOf = (socket: Socket): number =>
  (socket as Socket & { _handle?: { fd: number } | null })._handle?.fd ?? -1

const HANG_UP_INTERVAL_MS = 1000

/**
 * After a half-close Node reads no more, and would learn only from a failing write that the client has gone altogether: never,
 * if the process is silent.
 */
function watchForHangUp(socket: Socket): void {
  const timer = setInterval(() => {
    const fd = descriptorOf(socket)
    if (fd >= 0 && hasHungUp(fd)) socket.destroy()
  }, HANG_UP_INTERVAL_MS)
  socket.once('close', () => clearInterval(timer))
}

const write = (socket: Socket, data: string | Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.write(data, error => (error ? reject(new ClientGone('the client has gone', { cause: error })) : resolve()))
  })

/**
 * Resolves when the client has read all that was sent: some (docker-py) read on beneath the buffer of their HTTP library and
 * lose what arrives together with the header.
 */
async function taken(socket: Socket): Promise<void> {
  for (let waited = 0; waited < HEADER_PATIENCE_MS; waited++) {
    const fd = descriptorOf(socket)
    if (fd < 0 || unreadByPeer(fd) === 0) return
    await (waited < 3 ? immediate() : sleep(1))
  }
}
