/**
 * Network namespaces that are made before anybody asks for them: making one, and a wire into it, is most of what a container's
 * network costs, and the kernel can do it while nobody waits. A few are kept from the first start on; what nobody has taken goes with the
 * daemon: its descriptor is all that holds the namespace, and the wire goes with that.
 */

import { createHash, randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { makeNetworkNamespaceInBackground, makeNetworkNamespaceOf } from '../kernel/namespaces.ts'
import { addVeth, deleteLink, getLink, type Link, setAddressGeneration } from '../netlink/link.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { closeNameSockets, type NameSockets, openNameSockets } from './names/sockets.ts'

/** A veth pair, both ends down: one on the host, in no bridge yet, the other inside. */
export interface Wire {
  hostInterface: string
  guestInterface: string
  /** Of the inner end. */
  guestIndex: number
}

export interface PreparedNamespace {
  netns: number
  guest: NetlinkSocket
  /** The endpoint that shall have the wire, which is named after it; '' without one. */
  endpointId: string
  wire: Wire | null
  names: NameSockets | null
}

/** What somebody needs of a namespace. */
export interface NamespaceNeeds {
  /** Its first interface is a port of a bridge. */
  wire: boolean
  /** Names are served in it. */
  names: boolean
  /** A descriptor of the user namespace that shall own it. */
  userNamespace: number | undefined
}

/** After the loopback device. */
const FIRST_INDEX = 2
/** Of each kind: enough for one start after the other, and for what a service of two containers needs. */
const KEPT = 2
/** After a start, so that the answer to it goes first. */
const REFILL_AFTER_MS = 5

/** Known without being written down: a daemon that starts finds its predecessor's interfaces by it. */
export const hostInterfaceOf = (endpointId: string): string =>
  `veth${createHash('sha256').update(endpointId).digest('hex').slice(0, 8)}`

/**
 * The bridge has the address; one of the port's own would cost the kernel a search for duplicates and two multicast groups. A kernel
 * without IPv6 refuses this, and gives none.
 */
const withoutAddress = (hostInterface: string) => setAddressGeneration(hostInterface, 'none')

/** Joins the host and a network namespace. @throws KernelError */
export async function makeWire(
  maker: NetlinkMaker,
  guest: NetlinkSocket,
  netns: number,
  { hostInterface, guestInterface }: Omit<Wire, 'guestIndex'>,
): Promise<Wire> {
  const [failed] = await maker(
    addVeth({ host: hostInterface, guest: guestInterface, guestNetns: netns }),
    withoutAddress(hostInterface),
  )
  if (failed) throw failed
  return { hostInterface, guestInterface, guestIndex: (getLink(guest, guestInterface) as Link).index }
}

/** In a namespace that was just made: an index that was asked for need not be looked up. */
async function makeFirstWire(...[maker, guest, netns, ends]: Parameters<typeof makeWire>): Promise<Wire> {
  const [failed] = await maker(
    addVeth({ host: ends.hostInterface, guest: ends.guestInterface, guestNetns: netns, guestIndex: FIRST_INDEX }),
    withoutAddress(ends.hostInterface),
  )
  // A kernel with tunnels puts one of each kind into every new namespace.
  return failed ? makeWire(maker, guest, netns, ends) : { ...ends, guestIndex: FIRST_INDEX }
}

type NetlinkMaker = NetlinkSocket['attemptInBackground']

export class PreparedNamespaces {
  private readonly plain: PreparedNamespace[] = []
  private readonly named: PreparedNamespace[] = []
  private readonly filling = new Set<PreparedNamespace[]>()
  private closed = false

  /** @param make a socket of the host that lets others wait their turn */
  constructor(
    private readonly host: NetlinkSocket,
    private readonly make: NetlinkMaker,
  ) {}

  /** The caller closes `netns` and `guest`. @throws KernelError */
  async take({ wire, names, userNamespace }: NamespaceNeeds): Promise<PreparedNamespace> {
    if (userNamespace !== undefined || !wire) {
      const netns =
        userNamespace === undefined ? await makeNetworkNamespaceInBackground() : makeNetworkNamespaceOf(userNamespace)
      return furnish(netns, names)
    }
    const shelf = names ? this.named : this.plain
    const taken = shelf.shift() ?? (await this.prepare(names))
    this.refill(shelf)
    return taken
  }

  /** The daemon ends, or nobody needs them any more: nothing of them stays. */
  close(): void {
    this.closed = true
    for (const prepared of [...this.plain.splice(0), ...this.named.splice(0)]) this.discard(prepared)
  }

  private refill(shelf: PreparedNamespace[]): void {
    if (this.closed || this.filling.has(shelf)) return
    this.filling.add(shelf)
    setTimeout(async () => {
      try {
        while (!this.closed && shelf.length < KEPT) shelf.push(await this.prepare(shelf === this.named))
      } catch {
        // Whoever needs one next is told why there is none.
      } finally {
        this.filling.delete(shelf)
        if (this.closed) this.close()
      }
    }, REFILL_AFTER_MS).unref()
  }

  private async prepare(names: boolean): Promise<PreparedNamespace> {
    const netns = await makeNetworkNamespaceInBackground()
    const prepared = furnish(netns, names)
    try {
      const endpointId = randomBytes(32).toString('hex')
      const ends = { hostInterface: hostInterfaceOf(endpointId), guestInterface: 'eth0' }
      const wire = await makeFirstWire(this.make, prepared.guest, netns, ends)
      return { ...prepared, endpointId, wire }
    } catch (error) {
      this.discard(prepared)
      throw error
    }
  }

  /** It was taken, and then not needed. */
  discard({ netns, guest, wire, names }: PreparedNamespace): void {
    if (wire) this.host.attempt(deleteLink(wire.hostInterface))
    if (names) closeNameSockets(names)
    guest.close()
    closeSync(netns)
  }
}

function furnish(netns: number, names: boolean): PreparedNamespace {
  try {
    const guest = NetlinkSocket.openIn(netns)
    return { netns, guest, endpointId: '', wire: null, names: names ? openNameSockets(netns, { fresh: true }) : null }
  } catch (error) {
    closeSync(netns)
    throw error
  }
}
