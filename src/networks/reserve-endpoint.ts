/** An endpoint's addresses: taken from its network, free again when what follows fails. */

import { randomBytes } from 'node:crypto'
import { InvalidParameter } from '../kernel/errors.ts'
import type { Undo } from '../kernel/undo.ts'
import { ipBytes } from '../netlink/ip.ts'
import { macForAddress } from './bridge.ts'
import type { Assigned, NetworkAddresses } from './ipam.ts'
import type { StoredNetwork } from './network-store.ts'
import { namesOn } from './sandbox-state.ts'
import type { Endpoint, EndpointRequest, SandboxRequest } from './types.ts'

/** @throws InvalidParameter, Conflict (an address in use), Unavailable (none is left) */
export function reserveEndpoint(
  request: SandboxRequest,
  network: StoredNetwork,
  wanted: EndpointRequest,
  addresses: NetworkAddresses,
  undo: Undo,
): Endpoint {
  const take = (family: 4 | 6, address: string): Assigned | null => {
    if (!addresses.has(family)) {
      if (address === '') return null
      throw new InvalidParameter(`network ${network.name} has no IPv${family} subnet for ${address}`)
    }
    const taken = addresses.take(family, address)
    undo.defer(() => addresses.release(taken.address))
    return taken
  }
  const v4 = take(4, wanted.ipv4Address)
  const v6 = take(6, wanted.ipv6Address)
  // An internal network has no way out: its gateway serves the host alone.
  const gateway = (assigned: Assigned | null): string => (network.internal ? '' : (assigned?.gateway ?? ''))
  return {
    ...wanted,
    networkId: network.id,
    endpointId: randomBytes(32).toString('hex'),
    macAddress: wanted.macAddress || macForAddress(v4 ? ipBytes(v4.address) : randomBytes(4)),
    gateway: gateway(v4),
    ipAddress: v4?.address ?? '',
    ipPrefixLength: v4?.prefixLength ?? 0,
    ipv6Gateway: gateway(v6),
    globalIpv6Address: v6?.address ?? '',
    globalIpv6PrefixLength: v6?.prefixLength ?? 0,
    dnsNames: namesOn(network, request, wanted.aliases),
  }
}
