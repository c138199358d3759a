/** Unix sockets as descriptors: unix(7), socketpair(2). */

import { closeSync } from 'node:fs'
import { check } from './errors.ts'
import { syscall } from './syscall.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
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
