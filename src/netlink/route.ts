/** Routes. rtnetlink(7), RTM_NEWROUTE; the kernel's include/uapi/linux/rtnetlink.h. */

import { isIPv6 } from 'node:net'
import { attribute, attributes, NLM_F_CREATE, NLM_F_EXCL, type Request, u32 } from './codec.ts'
import { ipBytes, ipText } from './ip.ts'
import type { NetlinkSocket } from './socket.ts'

const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTMSG_BYTES = 12
const RT_TABLE_MAIN = 254
const RTPROT_BOOT = 3
const RT_SCOPE_UNIVERSE = 0
const RTN_UNICAST = 1
const AF_INET = 2
const AF_INET6 = 10

export interface Route {
  /** '10.0.0.0/8'; 'default'. */
  destination: string
  gateway: string | null
  /** Index of the interface. */
  index: number
}

function rtmsg(family: number, destinationBits: number): Buffer {
  const bytes = Buffer.alloc(RTMSG_BYTES)
  bytes.set([family, destinationBits, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST])
  return bytes
}

function defaultRoute(gateway: string, index: number): Buffer {
  const family = isIPv6(gateway) ? AF_INET6 : AF_INET
  return Buffer.concat([rtmsg(family, 0), attribute(RTA_GATEWAY, ipBytes(gateway)), u32(RTA_OIF, index)])
}

/** Shell: `ip route add default via GATEWAY dev INDEX` */
export const addDefaultRoute = (gateway: string, index: number): Request => ({
  type: RTM_NEWROUTE,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  payload: defaultRoute(gateway, index),
  what: `add default route via ${gateway}`,
})

/** Shell: `ip route; ip -6 route`: the main table's unicast routes. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  const dump = (family: number) =>
    socket.dump({ type: RTM_GETROUTE, flags: 0, payload: rtmsgForDump(family), what: 'list routes' })
  return [...dump(AF_INET), ...dump(AF_INET6)].flatMap(message => {
    const found = attributes(message.payload, RTMSG_BYTES)
    const isMain = message.payload.readUInt8(4) === RT_TABLE_MAIN && message.payload.readUInt8(7) === RTN_UNICAST
    if (message.type !== RTM_NEWROUTE || !isMain) return []
    const destination = found.get(RTA_DST)
    const gateway = found.get(RTA_GATEWAY)
    return [
      {
        destination: destination ? `${ipText(destination)}/${message.payload.readUInt8(1)}` : 'default',
        gateway: gateway ? ipText(gateway) : null,
        index: found.get(RTA_OIF)?.readUInt32LE(0) ?? 0,
      },
    ]
  })
}

/** Under NETLINK_GET_STRICT_CHK a dump may name the table only by attribute: everything but the family stays 0. */
function rtmsgForDump(family: number): Buffer {
  const bytes = Buffer.alloc(RTMSG_BYTES)
  bytes.writeUInt8(family, 0)
  return bytes
}
