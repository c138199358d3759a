/** The connection tracking table. The kernel's include/uapi/linux/netfilter/nfnetlink_conntrack.h; nfnetlink(7) does not exist. */

import { attributes, nested, type Request } from './codec.ts'
import { ipText } from './ip.ts'
import type { NetlinkSocket } from './socket.ts'

const NFNL_SUBSYS_CTNETLINK = 1
const IPCTNL_MSG_CT_NEW = 0
const IPCTNL_MSG_CT_GET = 1
const IPCTNL_MSG_CT_DELETE = 2
const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_REPLY = 2
const CTA_TUPLE_IP = 1
const CTA_TUPLE_PROTO = 2
const CTA_IP_V4_SRC = 1
const CTA_IP_V6_SRC = 3
const CTA_PROTO_NUM = 1
const CTA_PROTO_DST_PORT = 3
const IPPROTO_UDP = 17
/** struct nfgenmsg: family, version, a resource id in network order. */
const NFGENMSG_BYTES = 4
const AF_INET = 2
const AF_INET6 = 10

const messageType = (message: number): number => (NFNL_SUBSYS_CTNETLINK << 8) | message

export interface UdpFlow {
  family: number
  /** The port that the first datagram was sent to, before any translation. */
  destinationPort: number
  /** Where answers come from: the address that the flow was translated to. */
  answeredBy: string
  /** CTA_TUPLE_ORIG as the kernel wrote it: what identifies the flow. */
  original: Buffer
}

const nfgenmsg = (family: number): Buffer => Buffer.from([family, 0, 0, 0])

/** Shell: `conntrack -L -p udp` */
export function listUdpFlows(socket: NetlinkSocket): UdpFlow[] {
  return [AF_INET, AF_INET6].flatMap(family =>
    socket
      .dump({
        type: messageType(IPCTNL_MSG_CT_GET),
        flags: 0,
        payload: nfgenmsg(family),
        what: 'list connections',
      })
      .filter(message => message.type === messageType(IPCTNL_MSG_CT_NEW))
      .flatMap(message => decodeUdp(family, message.payload)),
  )
}

function decodeUdp(family: number, payload: Buffer): UdpFlow[] {
  const found = attributes(payload, NFGENMSG_BYTES)
  const [original, reply] = [found.get(CTA_TUPLE_ORIG), found.get(CTA_TUPLE_REPLY)]
  if (!original || !reply) return []
  const protocol = part(original, CTA_TUPLE_PROTO)
  if (protocol.get(CTA_PROTO_NUM)?.readUInt8(0) !== IPPROTO_UDP) return []
  const source = part(reply, CTA_TUPLE_IP).get(family === AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC)
  return [
    {
      family,
      destinationPort: protocol.get(CTA_PROTO_DST_PORT)?.readUInt16BE(0) ?? 0,
      answeredBy: source ? ipText(source) : '',
      original: Buffer.from(original),
    },
  ]
}

const part = (tuple: Buffer, type: number): Map<number, Buffer> =>
  attributes(attributes(tuple, 0).get(type) ?? Buffer.alloc(0), 0)

/** Shell: `conntrack -D …` for one flow. */
export function deleteFlow({ family, original }: UdpFlow): Request {
  return {
    type: messageType(IPCTNL_MSG_CT_DELETE),
    flags: 0,
    payload: Buffer.concat([nfgenmsg(family), nested(CTA_TUPLE_ORIG, original)]),
    what: 'delete connection',
  }
}
