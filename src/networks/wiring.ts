/** An endpoint's interface: which driver makes it, what it is called on both sides, and how it goes away again. */

import { createHash } from 'node:crypto'
import { deleteLink, getLink, type Link, listLinks } from '../netlink/link.ts'
import { addDefaultRoute } from '../netlink/route.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { connectToBridge, disconnectFromBridge } from './bridge.ts'
import { connectMacvlan } from './macvlan.ts'
import { BRIDGE_OPTION, bridgeName } from './plan-network.ts'
import type { Connection, Routing } from './sandbox-state.ts'
import type { Endpoint } from './types.ts'

export interface WiringOptions {
  /** Where the sandbox's default routes lead: through this endpoint or another one. */
  routing: Routing
  /** It has published ports. */
  hairpin: boolean
}

/** Makes the interface of an endpoint, up and with its addresses. @throws KernelError, Conflict, InvalidParameter */
export function wireEndpoint(
  host: NetlinkSocket,
  { network, endpoint }: Connection,
  netns: number,
  { routing, hairpin }: WiringOptions,
): void {
  using guest = NetlinkSocket.openIn(netns)
  const mtu = network.options[BRIDGE_OPTION.MTU]
  const wiring = {
    guestInterface: freeInterfaceName(guest),
    mac: endpoint.macAddress,
    mtu: mtu === undefined ? undefined : Number(mtu),
    addresses: addressesOf(endpoint),
    gateway: routing.ipv4?.endpoint === endpoint ? endpoint.gateway : '',
    ipv6Gateway: routing.ipv6?.endpoint === endpoint ? endpoint.ipv6Gateway : '',
  }
  if (network.driver === 'macvlan') connectMacvlan(host, guest, netns, { ...wiring, options: network.options })
  else
    connectToBridge(host, guest, netns, {
      ...wiring,
      bridge: bridgeName(network),
      hostInterface: hostInterface(endpoint),
      isolated: network.options[BRIDGE_OPTION.ICC] === 'false',
      hairpin,
    })
}

/** @param netns descriptor of the sandbox's namespace; null if it goes away by itself */
export function unwireEndpoint(host: NetlinkSocket, { network, endpoint }: Connection, netns: number | null): void {
  if (network.driver === 'bridge') disconnectFromBridge(host, hostInterface(endpoint))
  if (network.driver !== 'macvlan' || netns === null) return
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

/** Known without being written down: a daemon that starts finds its predecessor's interfaces by it. */
export const hostInterface = (endpoint: Endpoint): string =>
  `veth${createHash('sha256').update(endpoint.endpointId).digest('hex').slice(0, 8)}`

const addressesOf = (endpoint: Endpoint): { address: string; prefixLength: number }[] => [
  ...(endpoint.ipAddress ? [{ address: endpoint.ipAddress, prefixLength: endpoint.ipPrefixLength }] : []),
  ...(endpoint.globalIpv6Address
    ? [{ address: endpoint.globalIpv6Address, prefixLength: endpoint.globalIpv6PrefixLength }]
    : []),
]

function freeInterfaceName(guest: NetlinkSocket): string {
  let number = 0
  while (getLink(guest, `eth${number}`)) number++
  return `eth${number}`
}
