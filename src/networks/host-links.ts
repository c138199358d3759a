/** What a network has on the host: a bridge, or the interface below a macvlan. A note at it tells ours from an administrator's. */

import { hasCode, SkiffError } from '../kernel/errors.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import { ensureBridge, removeBridge } from './bridge.ts'
import { BRIDGE_OPTION } from './driver-options.ts'
import { ensureParent, parentName } from './macvlan-parent.ts'
import type { StoredNetwork } from './network-store.ts'
import { bridgeName } from './plan-network.ts'
import { Subnet } from './subnet.ts'

/** '' for a network that has none. */
export function hostLinkName(network: StoredNetwork): string {
  if (network.driver === 'bridge') return bridgeName(network)
  return network.driver === 'macvlan' ? parentName(network) : ''
}

/**
 * Makes it, or completes what is there already.
 * @param mark what our notes begin with
 * @throws Conflict, InvalidParameter, Unavailable
 */
export async function ensureHostLink(host: NetlinkSocket, network: StoredNetwork, mark: string): Promise<void> {
  const note = `${mark}${network.name}`
  if (network.driver === 'macvlan') ensureParent(host, network, note)
  if (network.driver !== 'bridge') return
  const mtu = network.options[BRIDGE_OPTION.MTU]
  await ensureBridge(host, {
    name: bridgeName(network),
    note,
    mtu: mtu === undefined ? undefined : Number(mtu),
    addresses: network.ipam.config.map(config => ({
      address: config.gateway,
      prefixLength: Subnet.parse(config.subnet).prefixLength,
    })),
    ipv6: network.enableIpv6,
  })
}

/** For a daemon that starts: a card that is not there yet must not keep it from starting. */
export async function restoreHostLink(host: NetlinkSocket, network: StoredNetwork, mark: string): Promise<void> {
  try {
    await ensureHostLink(host, network, mark)
  } catch (error) {
    if (network.driver !== 'macvlan' || !(error instanceof SkiffError)) throw error
  }
}

/** @param others the networks that stay: two macvlans may share what is below them */
export function removeHostLink(
  host: NetlinkSocket,
  network: StoredNetwork,
  mark: string,
  others: readonly StoredNetwork[],
): void {
  const name = hostLinkName(network)
  if (name === '' || others.some(other => other.id !== network.id && hostLinkName(other) === name)) return
  try {
    removeBridge(host, name, mark)
  } catch (error) {
    // The card below it went meanwhile, and took it along.
    if (!hasCode(error, 'ENODEV')) throw error
  }
}
