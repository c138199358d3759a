/**
 * Network interfaces. rtnetlink(7), RTM_NEWLINK and its family; the kernel's include/uapi/linux/if_link.h.
 * Each verb builds a request as data; NetlinkSocket.request performs it in the namespace of its socket.
 */

import { KernelError } from '../kernel/errors.ts'
import {
  attribute,
  attributes,
  type Message,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nested,
  type Request,
  readText,
  text,
  u8,
  u16,
  u32,
} from './codec.ts'
import type { NetlinkSocket } from './socket.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINK = 5
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_STATS64 = 23
const IFLA_NET_NS_FD = 28
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_INFO_SLAVE_DATA = 5
const VETH_INFO_PEER = 1
const IFLA_MACVLAN_MODE = 1
const IFLA_VLAN_ID = 1
const IFLA_BR_FORWARD_DELAY = 1
const IFLA_BRPORT_STATE = 1
/** Hairpin, by its older name. */
const IFLA_BRPORT_MODE = 4
const IFLA_BRPORT_FLUSH = 24
const IFLA_BRPORT_ISOLATED = 33
const BR_STATE_DISABLED = 0
const IFLA_AF_SPEC = 26
const IFLA_INET6_ADDR_GEN_MODE = 8
const IN6_ADDR_GEN_MODE_EUI64 = 0
const IN6_ADDR_GEN_MODE_NONE = 1
const AF_INET6 = 10
const ENODEV = 19

const IFF_UP = 0x1
const IFINFOMSG_BYTES = 16
const AF_UNSPEC = 0

export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const
export type MacvlanMode = keyof typeof MACVLAN_MODES

/** IFALIASZ of include/uapi/linux/if.h, without its final NUL. */
export const MAX_ALIAS = 255

/** struct ifinfomsg. `index` 0 leaves the choice to a name among the attributes. */
function ifinfomsg({ index = 0, flags = 0, change = 0, family = AF_UNSPEC } = {}): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_BYTES)
  bytes.writeUInt8(family, 0)
  bytes.writeInt32LE(index, 4)
  bytes.writeUInt32LE(flags, 8)
  bytes.writeUInt32LE(change, 12)
  return bytes
}

const named = (name: string): Buffer[] => [ifinfomsg(), text(IFLA_IFNAME, name)]

const newLink = (what: string, ...parts: Buffer[]): Request => ({
  type: RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  payload: Buffer.concat(parts),
  what,
})

const changeLink = (what: string, ...parts: Buffer[]): Request => ({
  type: RTM_NEWLINK,
  flags: 0,
  payload: Buffer.concat(parts),
  what,
})

/** '02:42:ac:11:00:02' → six bytes. */
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex')

export const macText = (bytes: Buffer): string => (bytes.toString('hex').match(/../g) ?? []).join(':')

/** Shell: `ip link add NAME mtu MTU address MAC type bridge` */
export const addBridge = (name: string, { mtu, mac }: { mtu?: number; mac?: string } = {}): Request =>
  newLink(
    `add bridge ${name}`,
    ...named(name),
    ...(mtu === undefined ? [] : [u32(IFLA_MTU, mtu)]),
    // A bridge whose address is set keeps it; otherwise it takes the lowest of its ports' and changes with them.
    ...(mac === undefined ? [] : [attribute(IFLA_ADDRESS, macBytes(mac))]),
    nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, 'bridge'), nested(IFLA_INFO_DATA, u32(IFLA_BR_FORWARD_DELAY, 0))),
  )

export interface VethEnds {
  host: string
  guest: string
  /** Descriptor of the network namespace into which the guest's end is born; without one it stays beside the host's. */
  guestNetns?: number
  /** The interface index of the guest's end; without it the kernel takes the next. */
  guestIndex?: number
}

/** Both ends are down. Shell: `ip link add HOST type veth peer name GUEST netns FD index INDEX` */
export const addVeth = ({ host, guest, guestNetns, guestIndex = 0 }: VethEnds): Request =>
  newLink(
    `add veth ${host} with peer ${guest}`,
    ...named(host),
    nested(
      IFLA_LINKINFO,
      text(IFLA_INFO_KIND, 'veth'),
      nested(
        IFLA_INFO_DATA,
        attribute(
          VETH_INFO_PEER,
          Buffer.concat([
            ifinfomsg({ index: guestIndex }),
            text(IFLA_IFNAME, guest),
            ...(guestNetns === undefined ? [] : [u32(IFLA_NET_NS_FD, guestNetns)]),
          ]),
        ),
      ),
    ),
  )

export interface LinkSettings {
  mac?: string | undefined
  mtu?: number | undefined
  /** Index of the bridge of which it becomes a port. */
  master?: number | undefined
  /** A note for people, of at most 255 bytes. */
  alias?: string | undefined
}

/** Shell: `ip link set NAME address MAC mtu MTU master BRIDGE alias TEXT up` */
export const setUpWith = (name: string, { mac, mtu, master, alias }: LinkSettings): Request =>
  changeLink(
    `set ${name} up`,
    ifinfomsg({ flags: IFF_UP, change: IFF_UP }),
    text(IFLA_IFNAME, name),
    ...(mac === undefined ? [] : [attribute(IFLA_ADDRESS, macBytes(mac))]),
    ...(mtu === undefined ? [] : [u32(IFLA_MTU, mtu)]),
    ...(master === undefined ? [] : [u32(IFLA_MASTER, master)]),
    ...(alias === undefined ? [] : [attribute(IFLA_IFALIAS, Buffer.from(alias))]),
  )

export interface Macvlan {
  name: string
  /** Index of the interface that carries it, in the namespace of the socket. */
  parent: number
  mode: MacvlanMode
  netns: number
  mac?: string
  mtu?: number
}

/** Shell: `ip link add NAME link PARENT netns FD type macvlan mode MODE` */
export const addMacvlan = ({ name, parent, mode, netns, mac, mtu }: Macvlan): Request =>
  newLink(
    `add macvlan ${name}`,
    ...named(name),
    u32(IFLA_LINK, parent),
    u32(IFLA_NET_NS_FD, netns),
    ...(mac === undefined ? [] : [attribute(IFLA_ADDRESS, macBytes(mac))]),
    ...(mtu === undefined ? [] : [u32(IFLA_MTU, mtu)]),
    nested(
      IFLA_LINKINFO,
      text(IFLA_INFO_KIND, 'macvlan'),
      nested(IFLA_INFO_DATA, u32(IFLA_MACVLAN_MODE, MACVLAN_MODES[mode])),
    ),
  )

/** 802.1Q. Shell: `ip link add link PARENT name NAME type vlan id ID` */
export const addVlan = (name: string, { parent, id }: { parent: number; id: number }): Request =>
  newLink(
    `add vlan ${name}`,
    ...named(name),
    u32(IFLA_LINK, parent),
    nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, 'vlan'), nested(IFLA_INFO_DATA, u16(IFLA_VLAN_ID, id))),
  )

/** Shell: `ip link set NAME up` */
export const setUp = (name: string): Request =>
  changeLink(`set ${name} up`, ifinfomsg({ flags: IFF_UP, change: IFF_UP }), text(IFLA_IFNAME, name))

/** A note for people, of at most 255 bytes. Shell: `ip link set NAME alias TEXT` */
export const setAlias = (name: string, alias: string): Request =>
  changeLink(`set alias of ${name}`, ...named(name), attribute(IFLA_IFALIAS, Buffer.from(alias)))

const bridgePort = (...data: Buffer[]): Buffer =>
  nested(IFLA_LINKINFO, text(IFLA_INFO_SLAVE_KIND, 'bridge'), nested(IFLA_INFO_SLAVE_DATA, ...data))

/**
 * How a bridge treats one of its ports. An isolated one reaches the bridge itself, never another isolated one. A hairpin lets a
 * frame go back out where it came in. Shell: `bridge link set dev NAME isolated on hairpin on`
 */
export const setBridgePort = (name: string, { isolated, hairpin }: { isolated: boolean; hairpin: boolean }): Request =>
  changeLink(
    `set bridge port ${name}`,
    ...named(name),
    bridgePort(u8(IFLA_BRPORT_MODE, hairpin ? 1 : 0), ...(isolated ? [u8(IFLA_BRPORT_ISOLATED, 1)] : [])),
  )

/**
 * Nothing passes this port of a bridge any more, and nobody is sought behind it: at once, while deleting the interface takes
 * milliseconds. Shell: `bridge link set dev NAME state 0; bridge fdb flush dev NAME`
 */
export const silenceBridgePort = (name: string): Request =>
  changeLink(
    `silence bridge port ${name}`,
    ...named(name),
    bridgePort(u8(IFLA_BRPORT_STATE, BR_STATE_DISABLED), attribute(IFLA_BRPORT_FLUSH, Buffer.alloc(0))),
  )

/** Whether it gets a link-local IPv6 address when it comes up. Shell: `ip link set NAME addrgenmode eui64|none` */
export const setAddressGeneration = (name: string, mode: 'eui64' | 'none'): Request =>
  changeLink(
    `set addrgenmode of ${name}`,
    ...named(name),
    nested(
      IFLA_AF_SPEC,
      nested(
        AF_INET6,
        u8(IFLA_INET6_ADDR_GEN_MODE, mode === 'none' ? IN6_ADDR_GEN_MODE_NONE : IN6_ADDR_GEN_MODE_EUI64),
      ),
    ),
  )

/** Shell: `ip link del NAME`. The other end of a veth pair goes with it. */
export const deleteLink = (name: string): Request => ({
  type: RTM_DELLINK,
  flags: 0,
  payload: Buffer.concat(named(name)),
  what: `delete link ${name}`,
})

export interface Link {
  index: number
  name: string
  up: boolean
  mac: string
  mtu: number
  /** Index of its bridge, 0 without one. */
  master: number
  /** 'bridge', 'veth', …; '' for hardware. */
  kind: string
  /** What somebody noted about it; '' mostly. */
  alias: string
  counters: LinkCounters
}

/** As rtnl_link_stats64 counts them since the interface was made; bytes and packets. */
export interface LinkCounters {
  rxPackets: number
  txPackets: number
  rxBytes: number
  txBytes: number
  rxErrors: number
  txErrors: number
  rxDropped: number
  txDropped: number
}

/** One interface by name; null if there is none. Shell: `ip -s link show NAME` */
export function getLink(socket: NetlinkSocket, name: string): Link | null {
  const request = { type: RTM_GETLINK, flags: 0, payload: Buffer.concat(named(name)), what: `get link ${name}` }
  try {
    return decodeLink(socket.get(request))
  } catch (error) {
    if (error instanceof KernelError && error.errno === ENODEV) return null
    throw error
  }
}

/** Shell: `ip -s link` */
export function listLinks(socket: NetlinkSocket): Link[] {
  const request = { type: RTM_GETLINK, flags: 0, payload: ifinfomsg(), what: 'list links' }
  return socket
    .dump(request)
    .filter(message => message.type === RTM_NEWLINK)
    .map(decodeLink)
}

function decodeLink(message: Message): Link {
  const found = attributes(message.payload, IFINFOMSG_BYTES)
  const info = found.get(IFLA_LINKINFO)
  return {
    index: message.payload.readInt32LE(4),
    up: (message.payload.readUInt32LE(8) & IFF_UP) !== 0,
    name: readText(found.get(IFLA_IFNAME)),
    mac: macText(found.get(IFLA_ADDRESS) ?? Buffer.alloc(0)),
    mtu: found.get(IFLA_MTU)?.readUInt32LE(0) ?? 0,
    master: found.get(IFLA_MASTER)?.readUInt32LE(0) ?? 0,
    kind: info ? readText(attributes(info, 0).get(IFLA_INFO_KIND)) : '',
    alias: readText(found.get(IFLA_IFALIAS)),
    counters: decodeCounters(found.get(IFLA_STATS64)),
  }
}

/** struct rtnl_link_stats64: eight 64-bit counters come first, in this order. */
function decodeCounters(stats: Buffer | undefined): LinkCounters {
  const at = (index: number) => (stats && stats.length >= index * 8 + 8 ? Number(stats.readBigUInt64LE(index * 8)) : 0)
  return {
    rxPackets: at(0),
    txPackets: at(1),
    rxBytes: at(2),
    txBytes: at(3),
    rxErrors: at(4),
    txErrors: at(5),
    rxDropped: at(6),
    txDropped: at(7),
  }
}
