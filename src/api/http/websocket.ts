/** Attaching over WebSocket, for clients in browsers. RFC 6455; Engine API reference, "ContainerAttachWebsocket" */

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import { InvalidParameter } from '../../kernel/errors.ts'
import { Unframe } from './frames.ts'

const handshakes = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false })

/** Before anything is attached: @throws InvalidParameter when the client asks for something else. */
export function checkWebSocket(request: IncomingMessage): void {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw new InvalidParameter('not websocket protocol')
}

/** Shakes hands; what is wrong with the client's side of it is answered here. Rejects when the connection ends over it. */
export function openWebSocket(request: IncomingMessage, socket: Socket): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new InvalidParameter('the WebSocket handshake failed'))
    socket.once('close', failed)
    handshakes.handleUpgrade(request, socket, Buffer.alloc(0), (client: WebSocket) => {
      socket.off('close', failed)
      resolve(createWebSocketStream(client))
    })
  })
}

/** Every output goes as it is in binary messages; what the client sends is input. */
export async function joinWebSocket(
  client: Duplex,
  process: Duplex,
  options: { stdin: boolean; tty: boolean },
): Promise<void> {
  client.on('error', () => process.destroy())
  client.once('close', () => process.destroy())
  if (options.stdin) client.pipe(process)
  else client.resume()
  await pipeline(options.tty ? [process, client] : [process, new Unframe(), client])
}
