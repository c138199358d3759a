/** Unix sockets as descriptors, and socket addresses: unix(7), ip(7), ipv6(7), socketpair(2). */

import { closeSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { check, errnoName } from './errors.ts'
import { pointerTo, syscall } from './syscall.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const AF_INET = 2
const AF_INET6 = 10
const SOCK_CLOEXEC = 0o2000000
/** sizeof(sun_path), which needs no final NUL. */
const MAX_PATH = 108

/** Two connected stream sockets, close-on-exec. */
export function socketPair(): [number, number] {
  const ends = Buffer.alloc(8)
  check('socketpair', syscall('socketpair', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
  return [ends.readInt32LE(0), ends.readInt32LE(4)]
}

/** A name in an open folder, as a path that is short enough for a socket's address however deep the folder is. */
export const socketPath = (folder: number, name: string): string => `/proc/self/fd/${folder}/${name}`

/** A socket that listens at a file in an open folder, which only its owner may connect to; close-on-exec. */
export function listenUnix(folder: number, name: string, backlog: number): number {
  const path = socketPath(folder, name)
  const fd = check('socket', syscall('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
  try {
    // The file gets the socket's own mode: there is no moment in which it could be connected to by others.
    check('fchmod', syscall('fchmod', fd, 0o600), { path })
    const address = unixAddress(path)
    check('bind', syscall('bind', fd, address, address.length), { path })
    check('listen', syscall('listen', fd, backlog), { path })
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Whether somebody listens there: null, or what connect(2) said ('ECONNREFUSED'). Node knows no Unix datagrams. */
export function connectUnix(path: string, type: 'stream' | 'datagram'): string | null {
  if (Buffer.byteLength(path) >= MAX_PATH) return 'ENAMETOOLONG'
  const kind = (type === 'stream' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK
  const fd = check('socket', syscall('socket', AF_UNIX, kind, 0))
  try {
    const address = unixAddress(path)
    const result = syscall('connect', fd, address, address.length)
    return result < 0 ? errnoName(-result) : null
  } finally {
    closeSync(fd)
  }
}

/** struct sockaddr_in or sockaddr_in6. */
export function internetAddress(ip: string, port: number): Buffer {
  const address = Buffer.alloc(isIPv6(ip) ? 28 : 16)
  address.writeUInt16LE(isIPv6(ip) ? AF_INET6 : AF_INET, 0)
  address.writeUInt16BE(port, 2)
  if (isIPv6(ip)) address.set(ipv6Bytes(ip), 8)
  else address.set(ip.split('.').map(Number), 4)
  return address
}

/** The URL parser knows every way to write one, and gives back groups of hexadecimal digits. */
function ipv6Bytes(ip: string): Buffer {
  const [bare = ''] = ip.split('%')
  const [left = '', right] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const [first, last] = [groups(left), groups(right ?? '')]
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return Buffer.concat(
    [...first, ...zeros, ...last].map(group =>
      Buffer.from([Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
    ),
  )
}

export function unixAddress(path: string): Buffer {
  const name = Buffer.from(path)
  if (name.length >= MAX_PATH) throw new RangeError(`${path} is too long for a socket`)
  const address = Buffer.alloc(2 + name.length + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  address.set(name, 2)
  return address
}

const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_NOSIGNAL = 0x4000

/** Sends bytes with descriptors, which stay the caller's too: unix(7), SCM_RIGHTS. False: nobody is at the other end. */
export function sendDescriptors(socket: number, bytes: Buffer, fds: readonly number[]): boolean {
  // struct iovec, struct cmsghdr with its data, struct msghdr, each on a 64-bit machine.
  const part = Buffer.from(new BigUint64Array([pointerTo(bytes), BigInt(bytes.length)]).buffer)
  const rights = Buffer.alloc(16 + Math.ceil((4 * fds.length) / 8) * 8)
  rights.writeBigUInt64LE(BigInt(16 + 4 * fds.length), 0)
  rights.writeInt32LE(SOL_SOCKET, 8)
  rights.writeInt32LE(SCM_RIGHTS, 12)
  for (const [index, fd] of fds.entries()) rights.writeInt32LE(fd, 16 + 4 * index)
  const words = [0n, 0n, pointerTo(part), 1n, pointerTo(rights), BigInt(rights.length), 0n]
  const result = syscall('sendmsg', socket, Buffer.from(new BigUint64Array(words).buffer), MSG_NOSIGNAL)
  if (result < 0 && ['EPIPE', 'ECONNRESET'].includes(errnoName(-result))) return false
  return check('sendmsg', result, { fds: fds.length }) === bytes.length
}

/** The path that a Unix socket is bound to; undefined: it is another kind of socket, or has no path. getsockname(2) */
export function pathOfSocket(fd: number): string | undefined {
  const address = Buffer.alloc(2 + MAX_PATH)
  const length = Buffer.from(new Uint32Array([address.length]).buffer)
  check('getsockname', syscall('getsockname', fd, address, length), { fd })
  if (address.readUInt16LE() !== AF_UNIX) return undefined
  const name = address.subarray(2, Math.min(length.readUInt32LE(), address.length)).toString()
  const path = name.split('\0')[0] ?? ''
  return path === '' ? undefined : path
}

/** Sends one datagram to a Unix socket; `@name` is in the abstract namespace, unix(7). @throws KernelError */
export function sendDatagram(to: string, bytes: Uint8Array): void {
  const fd = check('socket', syscall('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
  try {
    const address = unixAddress(to)
    const abstract = to.startsWith('@')
    if (abstract) address[2] = 0
    // The NUL behind a path belongs to its address, not to a name's.
    const length = abstract ? address.length - 1 : address.length
    check('sendto', syscall('sendto', fd, Buffer.from(bytes), bytes.length, 0, address, length), { to })
  } finally {
    closeSync(fd)
  }
}
