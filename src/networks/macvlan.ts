/** The driver `macvlan`: a container's interface is a further MAC address of one of the host's cards. */

import { InvalidParameter } from '../kernel/errors.ts'
import { addAddress } from '../netlink/address.ts'
import { addMacvlan, getLink, type Link, MACVLAN_MODES, setUp } from '../netlink/link.ts'
import { addDefaultRoute } from '../netlink/route.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

export interface MacvlanWiring {
  guestInterface: string
  mac: string
  mtu: number | undefined
  addresses: { address: string; prefixLength: number }[]
  gateway: string
  ipv6Gateway: string
  /** The network's options: parent (an interface of the host) and macvlan_mode. */
  options: Record<string, string>
}

/** @throws InvalidParameter for a parent that is missing or a mode that does not exist */
export function connectMacvlan(host: NetlinkSocket, guest: NetlinkSocket, netns: number, wiring: MacvlanWiring): void {
  const { guestInterface: name, mac, mtu, options } = wiring
  const parent = getLink(host, options.parent ?? '')
  if (!parent)
    throw new InvalidParameter(
      `macvlan needs an interface of the host as its parent: "${options.parent ?? ''}" is none`,
    )
  const mode = macvlanMode(options.macvlan_mode ?? 'bridge')
  host.request(addMacvlan({ name, parent: parent.index, mode, netns, mac, ...(mtu === undefined ? {} : { mtu }) }))
  const index = (getLink(guest, name) as Link).index
  guest.request(
    setUp(name),
    ...wiring.addresses.map(one => addAddress({ index, ...one })),
    ...[wiring.gateway, wiring.ipv6Gateway].filter(Boolean).map(gateway => addDefaultRoute(gateway, index)),
  )
}

function macvlanMode(mode: string): keyof typeof MACVLAN_MODES {
  if (mode in MACVLAN_MODES) return mode as keyof typeof MACVLAN_MODES
  throw new InvalidParameter(`unknown macvlan mode "${mode}": one of ${Object.keys(MACVLAN_MODES).join(', ')}`)
}
