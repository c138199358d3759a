/** An endpoint's interface: which driver makes it, what it is called on both sides, and how it goes away again. */

import { deleteLink, getLink, type Link, listLinks, type MacvlanMode } from '../netlink/link.ts'
import { addDefaultRoute } from '../netlink/route.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { type BridgeSide, connectToBridge } from './bridge-port.ts'
import { BRIDGE_OPTION, isOff, MACVLAN_OPTION } from './driver-options.ts'
import { connectMacvlan } from './macvlan.ts'
import { parentName } from './macvlan-parent.ts'
import { bridgeName } from './plan-network.ts'
import { hostInterfaceOf, makeWire, type Wire } from './prepared-namespaces.ts'
import type { Connection, Routing } from './sandbox-state.ts'
import type { Endpoint } from './types.ts'

export interface WiringOptions {
  /** Where the sandbox's default routes lead: through this endpoint or another one. */
  routing: Routing
  /** It has published ports. */
  hairpin: boolean
  /** Noted at the host's end of the wire. */
  note: string
}

/** Where an interface shall be. */
export interface Ground {
  netns: number
  /** A socket in it. */
  guest: NetlinkSocket
  /** One that was made for this endpoint before; null: to be made. */
  wire: Wire | null
}

/** What makes and takes away interfaces of the host: at once, and in its own time. */
export interface Wirer extends BridgeSide {
  host: NetlinkSocket
}

/** Makes the interface of an endpoint, up and with its addresses. @throws KernelError, Conflict, InvalidParameter */
export async function wireEndpoint(
  wirer: Wirer,
  { network, endpoint }: Connection,
  { netns, guest, wire }: Ground,
  { routing, hairpin, note }: WiringOptions,
): Promise<void> {
  const { host, background } = wirer
  const mtu = network.options[BRIDGE_OPTION.MTU]
  const wiring = {
    mac: endpoint.macAddress,
    mtu: mtu === undefined ? undefined : Number(mtu),
    addresses: addressesOf(endpoint),
    gateway: routing.ipv4?.endpoint === endpoint ? endpoint.gateway : '',
    ipv6Gateway: routing.ipv6?.endpoint === endpoint ? endpoint.ipv6Gateway : '',
  }
  const guestInterface = wire?.guestInterface ?? freeInterfaceName(guest)
  if (network.driver === 'macvlan')
    return connectMacvlan(host, guest, netns, {
      ...wiring,
      guestInterface,
      parent: parentName(network),
      mode: (network.options[MACVLAN_OPTION.MODE] || 'bridge') as MacvlanMode,
    })
  const ends = { hostInterface: hostInterface(endpoint), guestInterface }
  const made = wire ?? (await makeWire((...requests) => background.attempt(...requests), guest, netns, ends))
  try {
    await connectToBridge(wirer, guest, made, {
      ...wiring,
      bridge: bridgeName(network),
      note,
      isolated: isOff(network, BRIDGE_OPTION.ICC),
      hairpin,
    })
  } catch (error) {
    host.attempt(deleteLink(made.hostInterface))
    throw error
  }
}

/** Takes an interface away from a sandbox; of a wire the other end goes with it. @param netns descriptor of the sandbox's namespace */
export async function unwireEndpoint(
  { background }: Wirer,
  { network, endpoint }: Connection,
  netns: number,
): Promise<void> {
  if (network.driver === 'bridge') {
    const [failed] = await background.attempt(deleteLink(hostInterface(endpoint)))
    // ENODEV: it is gone already.
    if (failed && failed.code !== 'ENODEV') throw failed
  }
  if (network.driver !== 'macvlan') return
  using guest = NetlinkSocket.openIn(netns)
  const link = linkOf(guest, endpoint)
  if (link) guest.request(deleteLink(link.name))
}

/** The endpoint that a default route led through is gone: another one takes over. */
export function moveDefaultRoutes(netns: number, before: Routing, after: Routing): void {
  using guest = NetlinkSocket.openIn(netns)
  const add = (connection: Connection | undefined, gateway: string | undefined): void => {
    const link = connection && linkOf(guest, connection.endpoint)
    if (link && gateway) guest.request(addDefaultRoute(gateway, link.index))
  }
  if (after.ipv4 !== before.ipv4) add(after.ipv4, after.ipv4?.endpoint.gateway)
  if (after.ipv6 !== before.ipv6) add(after.ipv6, after.ipv6?.endpoint.ipv6Gateway)
}

/** An endpoint's interface inside: Docker promises no name for it, but a MAC address. */
const linkOf = (guest: NetlinkSocket, { macAddress }: Endpoint): Link | undefined =>
  listLinks(guest).find(link => link.mac === macAddress.toLowerCase())

export const hostInterface = (endpoint: Endpoint): string => hostInterfaceOf(endpoint.endpointId)

export const addressesOf = (endpoint: Endpoint): { address: string; prefixLength: number }[] => [
  ...(endpoint.ipAddress ? [{ address: endpoint.ipAddress, prefixLength: endpoint.ipPrefixLength }] : []),
  ...(endpoint.globalIpv6Address
    ? [{ address: endpoint.globalIpv6Address, prefixLength: endpoint.globalIpv6PrefixLength }]
    : []),
  ...endpoint.linkLocalIps.map(address => ({ address, prefixLength: address.includes(':') ? 64 : 16 })),
]

function freeInterfaceName(guest: NetlinkSocket): string {
  let number = 0
  while (getLink(guest, `eth${number}`)) number++
  return `eth${number}`
}
