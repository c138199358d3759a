/**
 * Bytes into a socket that does not block, from a thread that may: write(2), sendfile(2), poll(2). None of them raises a signal
 * here: Node ignores SIGPIPE.
 */

import { constants } from 'node:os'
import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const { EAGAIN, EINVAL, ENOSYS } = constants.errno
const POLLOUT = 4
/** sendfile(2) takes no more at once. */
const MOST = 0x7ffff000

const offsetOfFile = Buffer.alloc(8)
const polled = Buffer.alloc(8)
const timeout = Buffer.alloc(16)

/** How many bytes were taken: 0 if there is no room now. @throws KernelError EPIPE */
export function writeSome(socket: number, bytes: Buffer): number {
  const count = syscall('write', socket, bytes, bytes.length)
  return count === -EAGAIN ? 0 : check('write', count, { socket })
}

export type Sent =
  | { bytes: number }
  /** There is no room now. */
  | 'full'
  /** The file ends before `offset`. */
  | 'end'
  /** Files of this file system, or to this socket, have to be read and written. */
  | 'unsupported'

/** Moves bytes of a file without a detour through this process; its own offset stays where it is. @throws KernelError EPIPE, EIO */
export function sendFile(socket: number, file: number, offset: number, length: number): Sent {
  offsetOfFile.writeBigInt64LE(BigInt(offset))
  const count = syscall('sendfile', socket, file, offsetOfFile, Math.min(length, MOST))
  if (count === -EAGAIN) return 'full'
  if (count === -EINVAL || count === -ENOSYS) return 'unsupported'
  return check('sendfile', count, { socket, file, offset }) === 0 ? 'end' : { bytes: count }
}

const SOL_SOCKET = 1
const SO_DOMAIN = 39
const SO_SNDBUFFORCE = 32
const AF_UNIX = 1

/**
 * Lets a Unix socket hold more that the peer has not read yet, so that on a busy machine the two take turns less often. TCP finds
 * its own size. An answer of the kernel's that says no changes nothing but the speed. See socket(7), SO_SNDBUFFORCE.
 */
export function widen(socket: number, bytes: number): void {
  const value = Buffer.alloc(4)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(value.length)
  if (syscall('getsockopt', socket, SOL_SOCKET, SO_DOMAIN, value, length) < 0 || value.readInt32LE() !== AF_UNIX) return
  value.writeInt32LE(bytes)
  syscall('setsockopt', socket, SOL_SOCKET, SO_SNDBUFFORCE, value, value.length)
}

/** Waits until there is room, or the peer has gone, or the time is over. */
export function awaitRoom(socket: number, milliseconds: number): void {
  // struct pollfd { int fd; short events, revents; }
  polled.writeInt32LE(socket)
  polled.writeInt16LE(POLLOUT, 4)
  timeout.writeBigInt64LE(BigInt(Math.floor(milliseconds / 1000)))
  timeout.writeBigInt64LE(BigInt((milliseconds % 1000) * 1e6), 8)
  const result = syscall('ppoll', polled, 1, timeout, null, 0)
  if (result !== -constants.errno.EINTR) check('ppoll', result, { socket })
}
