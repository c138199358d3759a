/**
 * The interface of the host that carries a macvlan network: one that is there, a VLAN that is made for it ('eth0.10'), or, without
 * `-o parent`, a wire that leads nowhere, so that its containers reach each other and nobody else.
 */

import { InvalidParameter, Unavailable } from '../kernel/errors.ts'
import { addVeth, addVlan, getLink, MAX_ALIAS, setAddressGeneration, setAlias, setUp } from '../netlink/link.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import { MACVLAN_OPTION } from './driver-options.ts'
import type { StoredNetwork } from './network-store.ts'
import type { NetworkCommand } from './types.ts'

const MAX_VLAN = 4094

/** What it is called, or will be. */
export const parentName = ({ id, options }: Pick<StoredNetwork, 'id' | 'options'>): string =>
  options[MACVLAN_OPTION.PARENT] || `dm-${id.slice(0, 12)}`

/**
 * Makes what is missing, and notes at it that it is ours.
 * @throws InvalidParameter with Docker's words for a parent that is not there and cannot be made
 */
export function ensureParent(host: NetlinkSocket, network: StoredNetwork, note: string): void {
  const name = parentName(network)
  if (getLink(host, name)) return
  if (network.options[MACVLAN_OPTION.PARENT]) makeVlan(host, name)
  else makeWireToNowhere(host, name)
  host.request(setAlias(name, note.slice(0, MAX_ALIAS)), setUp(name))
}

/** What somebody would type for that, to make it by hand. */
export function parentCommands(network: StoredNetwork): NetworkCommand[] {
  const name = parentName(network)
  const command = (words: string, why: string): NetworkCommand => ({
    where: 'host',
    command: words,
    why,
    man: 'ip-link(8)',
  })
  if (!network.options[MACVLAN_OPTION.PARENT])
    return [
      command(
        `ip link add ${name} up type veth peer name ${otherEnd(name)}; ip link set ${otherEnd(name)} up`,
        'a wire that leads nowhere, made with the network: its containers reach each other and nobody else',
      ),
    ]
  const [lower, id] = name.split('.')
  return id === undefined
    ? []
    : [
        command(
          `ip link add link ${lower} name ${name} up type vlan id ${id}`,
          'a VLAN of the card, made with the network if it was not there',
        ),
      ]
}

/** Shell: `ip link add link eth0 name eth0.10 type vlan id 10` */
function makeVlan(host: NetlinkSocket, name: string): void {
  const [lower = '', number, ...rest] = name.split('.')
  if (number === undefined || rest.length > 0)
    throw new InvalidParameter(`invalid subinterface vlan name ${name}, example formatting is eth0.10`)
  const id = /^\d{1,5}$/.test(number) ? Number(number) : Number.NaN
  if (Number.isNaN(id))
    throw new InvalidParameter(`unable to parse a valid vlan id from: ${number} (ex. eth0.10 for vlan 10)`)
  const parent = getLink(host, lower)
  if (!parent) throw new InvalidParameter(`-o parent interface does was not found on the host: ${lower}`)
  if (id < 1 || id > MAX_VLAN) throw new InvalidParameter(`vlan id must be between 1-${MAX_VLAN}, received: ${id}`)
  const [failed] = host.attempt(addVlan(name, { parent: parent.index, id }))
  // A kernel without 802.1Q, mostly.
  if (failed) throw new Unavailable(`failed to create ${name} vlan link: ${failed.message}`, { cause: failed })
}

const otherEnd = (name: string): string => `${name.slice(0, 14)}~`

/**
 * Docker takes an interface of the kind `dummy`, which not every kernel has. Both ends are up: without a carrier below it, a
 * macvlan passes nothing on to its neighbours either.
 */
function makeWireToNowhere(host: NetlinkSocket, name: string): void {
  const end = otherEnd(name)
  host.request(addVeth({ host: name, guest: end }))
  // A kernel without IPv6 has no such mode.
  host.attempt(setAddressGeneration(name, 'none'), setAddressGeneration(end, 'none'))
  host.request(setUp(end))
}
