/** Unix sockets as descriptors: unix(7), socketpair(2). */

import { closeSync } from 'node:fs'
import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
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

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path)
  if (name.length >= MAX_PATH) throw new RangeError(`${path} is too long for a socket`)
  const address = Buffer.alloc(2 + name.length + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  address.set(name, 2)
  return address
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
