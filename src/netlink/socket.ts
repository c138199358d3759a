/**
 * A netlink socket: it belongs to the network namespace in which it was made, for ever. netlink(7).
 * Requests are answered by the kernel before sendto returns, so that nothing here waits for an answer.
 */

import { close, closeSync, write } from 'node:fs'
import { promisify } from 'node:util'
import { check, KernelError } from '../kernel/errors.ts'
import { socketInNetworkNamespace } from '../kernel/namespaces.ts'
import { syscall } from '../kernel/syscall.ts'
import {
  decodeMessages,
  encodeMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  type Request,
} from './codec.ts'

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const NETLINK_ROUTE = 0
/** Firewall and connection tracking; open it in the host's namespace. */
export const NETLINK_NETFILTER = 12
const SOL_NETLINK = 270
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const NETLINK_CAP_ACK = 10
const ONE = Buffer.from([1, 0, 0, 0])
const RECEIVE_BYTES = 64 * 1024
/** One for all sockets: what has come is read at once. */
const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
const MAX_DUMP_TRIES = 10
const EAGAIN = 11
const ENOBUFS = 105
const MSG_DONTWAIT = 0x40
/**
 * In one datagram: each may be answered by an error, and the socket has room for some two hundred answers. Beyond that the kernel
 * throws them away, also those to later requests, until what is there has been read.
 */
const MOST_AT_ONCE = 64

export class NetlinkSocket {
  private sequence = 0

  private constructor(private readonly fd: number) {
    // Without these an error has no words and repeats the whole request, which may not fit the buffer.
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK])
      check('setsockopt', syscall('setsockopt', fd, SOL_NETLINK, option, ONE, 4))
  }

  /** In the daemon's own network namespace. */
  static open(protocol = NETLINK_ROUTE): NetlinkSocket {
    return new NetlinkSocket(check('socket', syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)))
  }

  /** In the network namespace that `netns` is a descriptor of. */
  static openIn(netns: number, protocol = NETLINK_ROUTE): NetlinkSocket {
    return new NetlinkSocket(socketInNetworkNamespace(netns, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))
  }

  close(): void {
    closeSync(this.fd)
  }

  /**
   * On another thread: the kernel lets whoever closes a netfilter socket wait for what nf_tables has still to free, milliseconds
   * after rules were deleted.
   */
  closeInBackground(): void {
    close(this.fd, () => {})
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * Sends requests in one datagram; the kernel performs them in their order and goes on after one that fails.
   * @throws KernelError for the first that failed: `netlink (add link web0: …)`
   */
  request(...requests: Request[]): void {
    const failed = this.attempt(...requests).find(error => error !== null)
    if (failed) throw failed
  }

  /** Like request, but returns what became of each. */
  attempt(...requests: Request[]): (KernelError | null)[] {
    return portions(requests).flatMap(some => {
      const first = this.number(some.length)
      this.send(encode(some, first))
      return this.results(some, first)
    })
  }

  /**
   * Like attempt, on another thread: for what the kernel takes milliseconds for. Nobody else may use this socket meanwhile.
   * write(2) on a netlink socket sends to the kernel, and returns when that has answered.
   */
  async attemptInBackground(...requests: Request[]): Promise<(KernelError | null)[]> {
    const results: (KernelError | null)[] = []
    for (const some of portions(requests)) {
      const first = this.number(some.length)
      await writeAll(this.fd, encode(some, first))
      results.push(...this.results(some, first))
    }
    return results
  }

  private number(count: number): number {
    const first = this.sequence + 1
    this.sequence += count
    return first
  }

  private results(requests: readonly Request[], first: number): (KernelError | null)[] {
    const results = requests.map((): KernelError | null => null)
    for (let answered = false; !answered; ) {
      for (const message of this.receive()) {
        const index = message.sequence - first
        const request = requests[index]
        // An answer to an earlier call that was cut short by an exception is not ours.
        if (!request || message.type !== NLMSG_ERROR) continue
        results[index] = toError(message, request.what)
        answered ||= index === requests.length - 1
      }
    }
    return results
  }

  /**
   * Sends requests to nf_tables in one datagram, of which all take effect or none. @throws KernelError for the first that failed
   * @param begin @param commit mark the transaction's bounds; they are not acknowledged by every kernel
   */
  transact(begin: Request, requests: readonly Request[], commit: Request): void {
    const all = [begin, ...requests, commit]
    const first = this.number(all.length)
    this.send(encode(all, first, requests.length))
    for (let answered = false; !answered; ) {
      for (const message of this.receive()) {
        const index = message.sequence - first
        const request = all[index]
        if (!request || message.type !== NLMSG_ERROR) continue
        const error = toError(message, request.what)
        if (error) throw error
        answered ||= index === requests.length
      }
    }
  }

  /** Asks for one thing. @throws KernelError */
  get(request: Request): Message {
    const sequence = ++this.sequence
    this.send(encodeMessage(request, sequence))
    for (;;) {
      for (const message of this.receive()) {
        if (message.sequence !== sequence) continue
        const error = message.type === NLMSG_ERROR ? toError(message, request.what) : null
        if (error) throw error
        return { ...message, payload: Buffer.from(message.payload) }
      }
    }
  }

  /** Asks for a list: all messages that answer `request`. */
  dump(request: Request): Message[] {
    for (let attempt = 1; attempt <= MAX_DUMP_TRIES; attempt++) {
      const found = this.dumpOnce(request)
      if (found) return found
    }
    throw new KernelError('netlink', EAGAIN, { what: request.what })
  }

  private dumpOnce(request: Request): Message[] | null {
    const sequence = ++this.sequence
    this.send(encodeMessage({ ...request, flags: request.flags | NLM_F_DUMP }, sequence))
    const found: Message[] = []
    let interrupted = false
    for (;;) {
      for (const message of this.receive()) {
        if (message.sequence !== sequence) continue
        interrupted ||= message.interrupted
        if (message.type === NLMSG_DONE) return interrupted ? null : found
        if (message.type === NLMSG_ERROR) {
          const error = toError(message, request.what)
          if (error) throw error
        }
        // The buffer is used again for the next datagram.
        found.push({ ...message, payload: Buffer.from(message.payload) })
      }
    }
  }

  private send(bytes: Buffer): void {
    check('sendto', syscall('sendto', this.fd, bytes, bytes.length, 0, null, 0), { on: 'netlink' })
  }

  /** What is not there is lost: to wait for it would be to wait for ever. @throws KernelError ENOBUFS, EAGAIN if answers were lost */
  private receive(): Iterable<Message> {
    const length = this.receiveSome()
    // Until it is empty the kernel would lose the next answers, too.
    if (length === -ENOBUFS) while (this.receiveSome() !== -EAGAIN);
    return decodeMessages(buffer.subarray(0, check('recvfrom', length, { on: 'netlink' })))
  }

  private receiveSome = (): number => syscall('recvfrom', this.fd, buffer, RECEIVE_BYTES, MSG_DONTWAIT, null, null)
}

function portions(requests: readonly Request[]): (readonly Request[])[] {
  const count = Math.ceil(requests.length / MOST_AT_ONCE)
  return Array.from({ length: count }, (_, index) => requests.slice(index * MOST_AT_ONCE, (index + 1) * MOST_AT_ONCE))
}

const writeAll = promisify<number, Buffer, number>(write)

/** One datagram. An error is always answered; success only where it is asked for, so that one answer tells of all. */
const encode = (requests: readonly Request[], first: number, acknowledged = requests.length - 1): Buffer =>
  Buffer.concat(
    requests.map((request, index) =>
      encodeMessage(index === acknowledged ? { ...request, flags: request.flags | NLM_F_ACK } : request, first + index),
    ),
  )

const NLMSGERR_ATTR_MSG = 1
const ERROR_HEADER_BYTES = 20

/** struct nlmsgerr: the error, the header of the request, then (NETLINK_EXT_ACK) the kernel's words. */
function toError(message: Message, what: string): KernelError | null {
  const errno = -message.payload.readInt32LE(0)
  if (errno === 0) return null
  const said = extendedAck(message.payload)
  return new KernelError('netlink', errno, { what, kernel: said })
}

function extendedAck(payload: Buffer): string {
  for (let at = ERROR_HEADER_BYTES; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at)
    if (length < 4) return ''
    if ((payload.readUInt16LE(at + 2) & 0x3fff) === NLMSGERR_ATTR_MSG)
      return payload.toString('utf8', at + 4, at + length - 1)
    at += (length + 3) & ~3
  }
  return ''
}
