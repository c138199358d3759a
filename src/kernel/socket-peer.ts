/** What the other end of a connected socket has done. unix(7), tcp(7): SIOCOUTQ; poll(2) */

import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const SIOCOUTQ = 0x5411
const POLLHUP = 0x10

/**
 * ioctl(2) SIOCOUTQ. On a Unix socket: memory of what has been sent and not been read by the peer, 0 if it read everything;
 * on TCP: bytes sent and not acknowledged. @throws KernelError
 */
export function unreadByPeer(fd: number): number {
  const answer = Buffer.alloc(4)
  check('ioctl', syscall('ioctl', fd, SIOCOUTQ, answer), { fd, request: 'SIOCOUTQ' })
  return answer.readInt32LE()
}

/**
 * Whether the peer has closed its socket, not just the half that it writes to. A Unix socket knows at once; on TCP the two look
 * alike until something is sent. @throws KernelError
 */
export function hasHungUp(fd: number): boolean {
  // struct pollfd { int fd; short events, revents; }; POLLHUP is reported without being asked for.
  const polled = Buffer.alloc(8)
  polled.writeInt32LE(fd)
  const immediately = Buffer.alloc(16)
  check('ppoll', syscall('ppoll', polled, 1, immediately, null, 0), { fd })
  return (polled.readInt16LE(6) & POLLHUP) !== 0
}
