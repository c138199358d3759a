/**
 * A request's body, read off a connection that Node's HTTP parser has let go of; what follows the body stays in the socket.
 * RFC 9112, section 6.3 (length of a body) and 7.1 (chunked transfer coding).
 */

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { InvalidParameter } from '../../kernel/errors.ts'

const MAX_LINE = 4096

/** Resolves when there is something to read, or never will be. */
const readable = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    const wake = () => {
      socket.off('readable', wake).off('end', wake).off('close', wake)
      resolve()
    }
    socket.on('readable', wake).on('end', wake).on('close', wake)
  })

/** Up to `length` bytes, as they come. */
async function some(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(Math.min(length, Math.max(socket.readableLength, 1)))
    if (chunk !== null) return chunk
    if (socket.readableEnded || socket.destroyed) throw new InvalidParameter('unexpected EOF')
    await readable(socket)
  }
}

async function* exactly(socket: Socket, length: number): AsyncGenerator<Buffer> {
  for (let left = length; left > 0; ) {
    const chunk = await some(socket, left)
    left -= chunk.length
    yield chunk
  }
}

/** A line without its end, byte by byte: the lines of this coding are a few bytes long. */
async function line(socket: Socket): Promise<string> {
  let text = ''
  while (text.length < MAX_LINE) {
    const byte = (await some(socket, 1)).toString('latin1')
    if (byte === '\n') return text.replace(/\r$/, '')
    text += byte
  }
  throw new InvalidParameter('malformed chunked encoding')
}

async function* chunks(socket: Socket): AsyncGenerator<Buffer> {
  for (;;) {
    const size = (await line(socket)).split(';', 1)[0]?.trim() ?? ''
    if (!/^[0-9a-fA-F]{1,12}$/.test(size)) throw new InvalidParameter('malformed chunked encoding')
    const length = Number.parseInt(size, 16)
    if (length === 0) break
    yield* exactly(socket, length)
    if ((await line(socket)) !== '') throw new InvalidParameter('malformed chunked encoding')
  }
  while ((await line(socket)) !== '');
}

const isChunked = (request: IncomingMessage): boolean =>
  request.headers['transfer-encoding']?.toLowerCase() === 'chunked'

function bodyOf(request: IncomingMessage, socket: Socket): AsyncGenerator<Buffer> {
  if (request.headers.expect?.toLowerCase() === '100-continue') socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  return isChunked(request) ? chunks(socket) : exactly(socket, Number(request.headers['content-length'] ?? 0))
}

export const socketBody = (request: IncomingMessage, socket: Socket): Readable =>
  Readable.from(bodyOf(request, socket), { objectMode: false })

/**
 * What an attached client sends for the process, when its request has a body that nobody has read. One of a known length is
 * something else (dockerode repeats the query's parameters in it) and is passed over. One in chunks is the input itself if it
 * comes from an HTTP library that knows no upgrade; with an upgrade, the input follows it.
 */
export function inputOf(request: IncomingMessage, socket: Socket): Readable {
  return Readable.from(input(request, socket), { objectMode: false })
}

async function* input(request: IncomingMessage, socket: Socket): AsyncGenerator<Buffer> {
  const isInput = isChunked(request) && request.headers.upgrade === undefined
  for await (const chunk of bodyOf(request, socket)) if (isInput) yield chunk
  if (!isInput) yield* socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  // Nothing more counts, but only a socket that is read tells when the client goes.
  socket.resume()
}
