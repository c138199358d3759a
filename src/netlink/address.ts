/** Addresses of interfaces. rtnetlink(7), RTM_NEWADDR; the kernel's include/uapi/linux/if_addr.h. */

import { isIPv6 } from 'node:net'
import { attribute, attributes, NLM_F_CREATE, NLM_F_EXCL, type Request, u32 } from './codec.ts'
import { ipBytes, ipText } from './ip.ts'
import type { NetlinkSocket } from './socket.ts'

const RTM_NEWADDR = 20
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_BROADCAST = 4
const IFA_FLAGS = 8
/** Do not hold an IPv6 address back for duplicate address detection: a container's first packet must not wait a second. */
const IFA_F_NODAD = 0x02
const IFADDRMSG_BYTES = 8
const AF_INET = 2
const AF_INET6 = 10

export interface InterfaceAddress {
  /** Index of the interface. */
  index: number
  address: string
  prefixLength: number
}

function ifaddrmsg(family: number, prefixLength: number, index: number): Buffer {
  const bytes = Buffer.alloc(IFADDRMSG_BYTES)
  bytes.writeUInt8(family, 0)
  bytes.writeUInt8(prefixLength, 1)
  bytes.writeUInt32LE(index, 4)
  return bytes
}

/** Shell: `ip address add ADDRESS/LENGTH broadcast + dev INDEX` */
export function addAddress({ index, address, prefixLength }: InterfaceAddress): Request {
  const bytes = ipBytes(address)
  const parts = isIPv6(address)
    ? [ifaddrmsg(AF_INET6, prefixLength, index), attribute(IFA_LOCAL, bytes), u32(IFA_FLAGS, IFA_F_NODAD)]
    : [
        ifaddrmsg(AF_INET, prefixLength, index),
        attribute(IFA_LOCAL, bytes),
        attribute(IFA_BROADCAST, broadcast(bytes, prefixLength)),
      ]
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: Buffer.concat([...parts, attribute(IFA_ADDRESS, bytes)]),
    what: `add address ${address}/${prefixLength}`,
  }
}

/** Shell: `ip address`. Both families. */
export function listAddresses(socket: NetlinkSocket): InterfaceAddress[] {
  const request = { type: RTM_GETADDR, flags: 0, payload: ifaddrmsg(0, 0, 0), what: 'list addresses' }
  return socket.dump(request).flatMap(message => {
    const found = attributes(message.payload, IFADDRMSG_BYTES)
    // A point-to-point interface has its own address in IFA_LOCAL and the peer's in IFA_ADDRESS; IPv6 has the latter only.
    const bytes = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS)
    if (message.type !== RTM_NEWADDR || !bytes) return []
    return [
      { index: message.payload.readUInt32LE(4), address: ipText(bytes), prefixLength: message.payload.readUInt8(1) },
    ]
  })
}

function broadcast(address: Buffer, prefixLength: number): Buffer {
  const host = prefixLength === 0 ? 0xffffffff : 2 ** (32 - prefixLength) - 1
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE((address.readUInt32BE(0) | host) >>> 0)
  return bytes
}
