/**
 * Netlink's bytes: messages and attributes, nothing about what they mean. The verbs are in link.ts, address.ts, route.ts.
 * Source: netlink(7), rtnetlink(7), the kernel's include/uapi/linux/netlink.h. Everything is in host order (little-endian here)
 * and padded to four bytes.
 */

const HEADER_BYTES = 16
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_DUMP = 0x300
const NLM_F_DUMP_INTR = 0x10

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

const align = (bytes: number): number => (bytes + 3) & ~3

/** A request without its sequence number, which the socket gives. `payload` is the family's fixed header and its attributes. */
export interface Request {
  readonly type: number
  readonly flags: number
  readonly payload: Buffer
  /** For errors: 'add link web0'. */
  readonly what: string
}

export interface Message {
  readonly type: number
  readonly sequence: number
  /** The dump was disturbed by a change and must be repeated. */
  readonly interrupted: boolean
  readonly payload: Buffer
}

export function encodeMessage(request: Request, sequence: number): Buffer {
  const message = Buffer.alloc(align(HEADER_BYTES + request.payload.length))
  message.writeUInt32LE(HEADER_BYTES + request.payload.length, 0)
  message.writeUInt16LE(request.type, 4)
  message.writeUInt16LE(request.flags | NLM_F_REQUEST, 6)
  message.writeUInt32LE(sequence, 8)
  request.payload.copy(message, HEADER_BYTES)
  return message
}

export function* decodeMessages(datagram: Buffer): Generator<Message> {
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER_BYTES || at + length > datagram.length) return
    yield {
      type: datagram.readUInt16LE(at + 4),
      interrupted: (datagram.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0,
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    }
    at += align(length)
  }
}

// --- Attributes ------------------------------------------------------------------------------------------------------------

/** One attribute (struct nlattr): length, type, value, padding. */
export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(align(4 + value.length))
  bytes.writeUInt16LE(4 + value.length, 0)
  bytes.writeUInt16LE(type, 2)
  value.copy(bytes, 4)
  return bytes
}

export const nested = (type: number, ...inner: Buffer[]): Buffer => attribute(type | NLA_F_NESTED, Buffer.concat(inner))

export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`))

export const u8 = (type: number, value: number): Buffer => attribute(type, Buffer.from([value]))

export function u16(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return attribute(type, bytes)
}

export function u32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return attribute(type, bytes)
}

/** The attributes that follow a fixed header of `skip` bytes. Of a type that comes twice the last one counts. */
export function attributes(payload: Buffer, skip: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = align(skip); at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at)
    if (length < 4 || at + length > payload.length) break
    found.set(payload.readUInt16LE(at + 2) & NLA_TYPE_MASK, payload.subarray(at + 4, at + length))
    at += align(length)
  }
  return found
}

/** A NUL-terminated string attribute; '' if it is missing. */
export function readText(value: Buffer | undefined): string {
  if (!value) return ''
  const end = value.indexOf(0)
  return value.toString('utf8', 0, end < 0 ? value.length : end)
}
