/** The driver `macvlan`: a container's interface is a further MAC address of one of the host's cards. */

import { InvalidParameter } from '../kernel/errors.ts'
import { addAddress } from '../netlink/address.ts'
import { addMacvlan, getLink, type Link, type MacvlanMode, setUp } from '../netlink/link.ts'
import { addDefaultRoute } from '../netlink/route.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

export interface MacvlanWiring {
  guestInterface: string
  mac: string
  mtu: number | undefined
  addresses: { address: string; prefixLength: number }[]
  gateway: string
  ipv6Gateway: string
  /** An interface of the host. */
  parent: string
  mode: MacvlanMode
}

/** @throws InvalidParameter for a parent that is missing */
export function connectMacvlan(host: NetlinkSocket, guest: NetlinkSocket, netns: number, wiring: MacvlanWiring): void {
  const { guestInterface: name, mac, mtu, mode } = wiring
  const parent = getLink(host, wiring.parent)
  if (!parent) throw new InvalidParameter(`-o parent interface does was not found on the host: ${wiring.parent}`)
  host.request(addMacvlan({ name, parent: parent.index, mode, netns, mac, ...(mtu === undefined ? {} : { mtu }) }))
  const index = (getLink(guest, name) as Link).index
  guest.request(
    setUp(name),
    ...wiring.addresses.map(one => addAddress({ index, ...one })),
    ...[wiring.gateway, wiring.ipv6Gateway].filter(Boolean).map(gateway => addDefaultRoute(gateway, index)),
  )
}
