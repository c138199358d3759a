/**
 * A container's end at a bridge: the outer end of its wire becomes a port, the inner one gets addresses and routes. While one interface of the
 * machine changes, whoever wants to change another waits (the kernel's rtnl lock); here that is never the event loop.
 */

import { Conflict, type KernelError, Unavailable } from '../kernel/errors.ts'
import { addAddress } from '../netlink/address.ts'
import type { Request } from '../netlink/codec.ts'
import { getLink, MAX_ALIAS, setAddressGeneration, setBridgePort, setUpWith } from '../netlink/link.ts'
import { addDefaultRoute } from '../netlink/route.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import type { BackgroundNetlink } from './background-netlink.ts'
import type { Wire } from './prepared-namespaces.ts'

/** The kernel's BR_MAX_PORTS is reached. */
const EXFULL = 54

export interface EndpointWiring {
  bridge: string
  /** Whose it is, noted at the host's end. */
  note: string
  mac: string
  mtu: number | undefined
  addresses: { address: string; prefixLength: number }[]
  /** Default routes to set; '' for none. */
  gateway: string
  ipv6Gateway: string
  /** Containers of the network may not talk to each other (enable_icc=false). */
  isolated: boolean
  /**
   * The container has published ports, which it may call itself: where bridged frames pass the firewall too (br_netfilter), such
   * a frame is led back to the port that it came from.
   */
  hairpin: boolean
}

/** Interface indexes of bridges: looked up once, since a look waits as long as a change does. */
export class BridgeIndexes {
  readonly #known = new Map<string, number>()
  constructor(private readonly host: NetlinkSocket) {}

  /** @throws Conflict if there is no such bridge */
  of(name: string): number {
    return this.#known.get(name) ?? this.#look(name)
  }

  /** Somebody has made it anew since. @throws Conflict if it is gone */
  hasChanged(name: string): boolean {
    return this.#known.get(name) !== this.#look(name)
  }

  #look(name: string): number {
    this.#known.delete(name)
    const link = getLink(this.host, name)
    if (!link) throw new Conflict(`the bridge ${name} is gone: it was removed behind skiff's back`)
    this.#known.set(name, link.index)
    return link.index
  }
}

export interface BridgeSide {
  background: BackgroundNetlink
  bridges: BridgeIndexes
}

/** @throws Conflict if the bridge is gone, Unavailable if it has no port left, KernelError */
export async function connectToBridge(
  side: BridgeSide,
  guest: NetlinkSocket,
  wire: Wire,
  wiring: EndpointWiring,
): Promise<void> {
  const outside = joinBridge(side, wire, wiring)
  const inside = guest.attemptInBackground(...insideRequests(wire, wiring))
  // Both come to their end before the caller takes anything back.
  const [joined, answers] = await Promise.allSettled([outside, inside])
  if (joined.status === 'rejected') throw joined.reason
  if (answers.status === 'rejected') throw answers.reason
  const [generation, ...others] = answers.value
  // A kernel without IPv6 has no link-local addresses to be switched off.
  const failed = [hasIpv6(wiring) ? generation : null, ...others].find(error => error !== null)
  if (failed) throw failed
}

async function joinBridge({ background, bridges }: BridgeSide, wire: Wire, wiring: EndpointWiring): Promise<void> {
  const attempt = async (): Promise<KernelError | undefined> =>
    (await background.attempt(...outsideRequests(wire, wiring, bridges.of(wiring.bridge)))).find(
      error => error !== null,
    ) ?? undefined
  let failed = await attempt()
  if (failed && bridges.hasChanged(wiring.bridge)) failed = await attempt()
  if (failed?.errno === EXFULL)
    throw new Unavailable(
      `the bridge ${wiring.bridge} has no port left: the kernel gives it 1023, one for each container`,
      { cause: failed },
    )
  if (failed) throw failed
}

const outsideRequests = ({ hostInterface }: Wire, wiring: EndpointWiring, master: number): Request[] => [
  setUpWith(hostInterface, { mtu: wiring.mtu, master, alias: wiring.note.slice(0, MAX_ALIAS) }),
  ...(wiring.isolated || wiring.hairpin ? [setBridgePort(hostInterface, wiring)] : []),
]

const hasIpv6 = ({ addresses }: EndpointWiring): boolean => addresses.some(({ address }) => address.includes(':'))

/** A link-local address is for networks that have IPv6; what it is made of must be known before the interface comes up. */
const insideRequests = ({ guestInterface, guestIndex: index }: Wire, wiring: EndpointWiring): Request[] => [
  setAddressGeneration(guestInterface, hasIpv6(wiring) ? 'eui64' : 'none'),
  setUpWith(guestInterface, { mac: wiring.mac, mtu: wiring.mtu }),
  ...wiring.addresses.map(one => addAddress({ index, ...one })),
  ...[wiring.gateway, wiring.ipv6Gateway].filter(Boolean).map(gateway => addDefaultRoute(gateway, index)),
]
