/** The name server that a container finds at 127.0.0.11:53, Docker's address for it: the daemon answers its sockets (sockets.ts). */

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { datagramLimit, type Resolver } from './resolver.ts'
import { closeNameSockets, type NameSockets } from './sockets.ts'
import { messages, type Upstream, withLength } from './upstream.ts'

const TCP_IDLE_MS = 10_000
const MAX_TCP_CLIENTS = 64

export class NameServer {
  private serving: { udp: UdpSocket; tcp: Server } | null = null
  private closed = false
  private readonly clients = new Set<Socket>()

  /** Takes the sockets over. It begins after the present turn: what comes until then waits in them. */
  constructor(
    private readonly sockets: NameSockets,
    private readonly resolver: Resolver,
    private readonly upstream: Upstream,
  ) {
    setImmediate(() => {
      if (!this.closed) this.serving = this.serve()
    })
  }

  /** Lets go of the namespace. */
  close(): void {
    this.closed = true
    if (this.serving === null) closeNameSockets(this.sockets)
    this.serving?.udp.close()
    this.serving?.tcp.close()
    for (const client of this.clients) client.destroy()
  }

  private serve(): { udp: UdpSocket; tcp: Server } {
    const udp = createSocket('udp4')
    udp.on('message', (query, from) => void this.answerDatagram(udp, query, from))
    // A client that is gone before its answer (ECONNREFUSED): nothing is owed to it.
    udp.on('error', () => {})
    udp.bind({ fd: this.sockets.udp })
    udp.unref()
    const tcp = createServer(client => void this.serveClient(client))
    tcp.maxConnections = MAX_TCP_CLIENTS
    tcp.on('error', () => {})
    tcp.listen({ fd: this.sockets.tcp })
    tcp.unref()
    return { udp, tcp }
  }

  private async answerDatagram(udp: UdpSocket, query: Buffer, from: { address: string; port: number }): Promise<void> {
    const answer = await this.resolver.answer(query, this.upstream.udp, datagramLimit)
    if (!answer) return
    try {
      udp.send(answer, from.port, from.address)
    } catch {
      // Closed while the outside world was asked: the container has ended.
    }
  }

  private async serveClient(client: Socket): Promise<void> {
    this.clients.add(client)
    client.setTimeout(TCP_IDLE_MS, () => client.destroy())
    try {
      for await (const query of messages(client)) {
        const answer = await this.resolver.answer(query, this.upstream.tcp)
        if (answer) client.write(withLength(answer))
      }
    } catch {
      // The client broke its connection.
    } finally {
      this.clients.delete(client)
      client.destroy()
    }
  }
}
