/**
 * The name server that a container finds at 127.0.0.11:53, Docker's address for it. Its sockets are made inside the container's
 * network namespace, on its loopback, so that nobody else can reach them; who answers is the daemon. They are on another port, to which a
 * rule in that namespace leads: port 53 must stay free for a container that is a name server itself.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { closeSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { check } from '../../kernel/errors.ts'
import { socketInNetworkNamespace } from '../../kernel/namespaces.ts'
import { syscall } from '../../kernel/syscall.ts'
import { ipBytes } from '../../netlink/ip.ts'
import { hasRedirectTable, writeRedirectTable } from '../../netlink/nf-tables.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../../netlink/socket.ts'
import type { Resolver } from './resolver.ts'
import { messages, type Upstream, withLength } from './upstream.ts'

export const NAME_SERVER = '127.0.0.11'
const DNS_PORT = 53
const TABLE = 'skiff-names'

const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK_CLOEXEC = 0o2004000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const SOCKADDR_IN_BYTES = 16
const TCP_IDLE_MS = 10_000
const MAX_TCP_CLIENTS = 64

export class NameServer {
  private readonly udp: UdpSocket
  private readonly tcp: Server
  private readonly clients = new Set<Socket>()

  /**
   * @param netns descriptor of the container's network namespace; used only during the call.
   * @param restored there was one before in this namespace, of another daemon. @throws KernelError
   */
  constructor(
    netns: number,
    private readonly resolver: Resolver,
    private readonly upstream: Upstream,
    { restored }: { restored: boolean } = { restored: false },
  ) {
    const udpFd = boundSocket(netns, SOCK_DGRAM)
    const tcpFd = boundSocket(netns, SOCK_STREAM)
    redirect(netns, { udp: portOf(udpFd), tcp: portOf(tcpFd) }, restored)
    this.udp = createSocket('udp4')
    this.udp.on('message', (query, from) => void this.answerDatagram(query, from))
    // A client that is gone before its answer (ECONNREFUSED): nothing is owed to it.
    this.udp.on('error', () => {})
    this.udp.bind({ fd: udpFd })
    this.udp.unref()
    this.tcp = createServer(client => void this.serveClient(client))
    this.tcp.maxConnections = MAX_TCP_CLIENTS
    this.tcp.on('error', () => {})
    this.tcp.listen({ fd: tcpFd })
    this.tcp.unref()
  }

  /** Lets go of the namespace. */
  close(): void {
    this.udp.close()
    this.tcp.close()
    for (const client of this.clients) client.destroy()
  }

  private async answerDatagram(query: Buffer, from: { address: string; port: number }): Promise<void> {
    const answer = await this.resolver.answer(query, this.upstream.udp)
    if (!answer) return
    try {
      this.udp.send(answer, from.port, from.address)
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

/**
 * The same port at every start of a daemon, if a container leaves it free: a client that keeps its socket has a flow to it, which
 * outlives the daemon (nf_conntrack).
 */
const USUAL_PORT = 40053

function boundSocket(netns: number, type: number): number {
  const fd = socketInNetworkNamespace(netns, AF_INET, type | SOCK_NONBLOCK_CLOEXEC, 0)
  try {
    // After kill -9 of the daemon the next one takes the address over at once.
    check('setsockopt', syscall('setsockopt', fd, SOL_SOCKET, SO_REUSEADDR, Buffer.from([1, 0, 0, 0]), 4))
    const usual = socketAddress(NAME_SERVER, USUAL_PORT)
    if (syscall('bind', fd, usual, usual.length) === 0) return fd
    const any = socketAddress(NAME_SERVER, 0)
    check('bind', syscall('bind', fd, any, any.length), { address: NAME_SERVER })
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** getsockname(2) */
function portOf(fd: number): number {
  const address = Buffer.alloc(SOCKADDR_IN_BYTES)
  const length = Buffer.from([SOCKADDR_IN_BYTES, 0, 0, 0])
  check('getsockname', syscall('getsockname', fd, address, length))
  return address.readUInt16BE(2)
}

function redirect(netns: number, { udp, tcp }: { udp: number; tcp: number }, restored: boolean): void {
  using socket = NetlinkSocket.openIn(netns, NETLINK_NETFILTER)
  const address = ipBytes(NAME_SERVER)
  const from = { address, port: DNS_PORT }
  const redirects = [
    { protocol: IPPROTO_UDP, from, to: { address, port: udp } },
    { protocol: IPPROTO_TCP, from, to: { address, port: tcp } },
  ]
  // The kernel takes milliseconds for a transaction, times all containers that a new daemon takes over.
  if (restored && hasRedirectTable(socket, TABLE, redirects)) return
  writeRedirectTable(socket, TABLE, redirects)
}

/** struct sockaddr_in. ip(7) */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_IN_BYTES)
  bytes.writeUInt16LE(AF_INET, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(ipBytes(address), 4)
  return bytes
}
