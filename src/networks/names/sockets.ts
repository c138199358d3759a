/**
 * The name server's sockets: made inside the container's network namespace, on its loopback, so that nobody else can reach them.
 * They are on another port than 53, to which a rule in that namespace leads: 53 must stay free for a container that is a name
 * server itself.
 */

import { closeSync } from 'node:fs'
import { check } from '../../kernel/errors.ts'
import { socketInNetworkNamespace } from '../../kernel/namespaces.ts'
import { syscall } from '../../kernel/syscall.ts'
import { ipBytes } from '../../netlink/ip.ts'
import { hasRedirectTable, writeRedirectTable } from '../../netlink/nf-tables.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../../netlink/socket.ts'

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

/** Descriptors, bound and led to; what comes waits in them until somebody answers. */
export interface NameSockets {
  udp: number
  tcp: number
}

/**
 * @param netns descriptor of the container's network namespace; used only during the call
 * @param fresh nobody has served names in it before
 * @throws KernelError
 */
export function openNameSockets(netns: number, { fresh }: { fresh: boolean }): NameSockets {
  const udp = boundSocket(netns, SOCK_DGRAM)
  try {
    const tcp = boundSocket(netns, SOCK_STREAM)
    try {
      redirect(netns, { udp: portOf(udp), tcp: portOf(tcp) }, fresh)
      return { udp, tcp }
    } catch (error) {
      closeSync(tcp)
      throw error
    }
  } catch (error) {
    closeSync(udp)
    throw error
  }
}

export function closeNameSockets({ udp, tcp }: NameSockets): void {
  closeSync(udp)
  closeSync(tcp)
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

function redirect(netns: number, { udp, tcp }: { udp: number; tcp: number }, fresh: boolean): void {
  const socket = NetlinkSocket.openIn(netns, NETLINK_NETFILTER)
  const address = ipBytes(NAME_SERVER)
  const from = { address, port: DNS_PORT }
  const redirects = [
    { protocol: IPPROTO_UDP, from, to: { address, port: udp } },
    { protocol: IPPROTO_TCP, from, to: { address, port: tcp } },
  ]
  try {
    // The kernel takes milliseconds for a transaction, times all containers that a new daemon takes over.
    if (!fresh && hasRedirectTable(socket, TABLE, redirects)) return
    writeRedirectTable(socket, TABLE, redirects, { replace: !fresh })
  } finally {
    socket.closeInBackground()
  }
}

/** struct sockaddr_in. ip(7) */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(SOCKADDR_IN_BYTES)
  bytes.writeUInt16LE(AF_INET, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(ipBytes(address), 4)
  return bytes
}
