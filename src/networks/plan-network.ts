/** From what a user asked for to a network that can be made: every refusal of `network create` is here, in Docker's words. */

import { randomBytes } from 'node:crypto'
import { Forbidden, InvalidParameter, NotFound } from '../kernel/errors.ts'
import { BRIDGE_OPTION, checkOptions, MACVLAN_OPTION } from './driver-options.ts'
import { completePool } from './ipam.ts'
import { nameTaken, type StoredNetwork } from './network-store.ts'
import { Subnet } from './subnet.ts'
import { chooseSubnet, type DefaultPool, ipv6Pools, isIpv4 } from './subnet-choice.ts'
import type { NetworkId, NetworkRequest, PoolConfig } from './types.ts'

export const PREDEFINED: readonly string[] = ['bridge', 'host', 'none']
/** What `--network` takes for one of these. */
const DEFAULT_NETWORK = 'default'

export interface Surroundings {
  /** Networks that exist. */
  networks: readonly StoredNetwork[]
  /** Subnets that the host itself has routes to. */
  hostSubnets: readonly Subnet[]
  pools: readonly DefaultPool[]
}

/** @throws InvalidParameter, Conflict, Forbidden, NotFound, Unavailable */
export function planNetwork(given: NetworkRequest, around: Surroundings): StoredNetwork {
  checkName(given.name)
  if (around.networks.some(({ name }) => name === given.name)) throw nameTaken(given.name)
  checkDriver(given)
  const request = { ...given, driver: given.driver || 'bridge' }
  checkOptions(request)
  return {
    ...request,
    // A macvlan without a card of the host below it leads nowhere.
    internal: request.internal || (request.driver === 'macvlan' && !request.options[MACVLAN_OPTION.PARENT]),
    id: randomBytes(32).toString('hex') as NetworkId,
    created: new Date().toISOString(),
    scope: 'local',
    configuredSubnets: request.ipam.config.some(config => config.subnet),
    ipam: { ...request.ipam, driver: request.ipam.driver || 'default', config: planPools(request, around) },
  }
}

/** The name of a network's bridge on the host. */
export const bridgeName = (network: StoredNetwork): string =>
  network.options[BRIDGE_OPTION.NAME] ?? `br-${network.id.slice(0, 12)}`

function checkName(name: string): void {
  if (name.trim() === '') throw new InvalidParameter('invalid network name: name is empty')
  if (PREDEFINED.includes(name) || name === DEFAULT_NETWORK)
    throw new Forbidden(`operation is not permitted on predefined ${name} network`)
  if (/[/\s]/.test(name)) throw new InvalidParameter(`invalid network name: "${name}" holds a slash or white space`)
}

function checkDriver({ driver, ipam }: NetworkRequest): void {
  if (driver === 'host' || driver === 'none' || driver === 'null')
    throw new Forbidden(`only one instance of "${driver === 'none' ? 'null' : driver}" network is allowed`)
  if (!['', 'bridge', 'macvlan'].includes(driver))
    throw new NotFound(`could not find plugin ${driver} in v1 plugin registry: plugin not found`)
  if (!['', 'default'].includes(ipam.driver))
    throw new NotFound(`could not find plugin ${ipam.driver} in v1 plugin registry: plugin not found`)
}

function planPools(request: NetworkRequest, around: Surroundings): PoolConfig[] {
  const others = around.networks.flatMap(network => network.ipam.config.map(config => Subnet.parse(config.subnet)))
  const chosen: Subnet[] = []
  const pools = request.ipam.config
    // `--gateway` or `--ip-range` without a subnet belongs to one that is still to be chosen.
    .filter(config => config.subnet || config.gateway || config.ipRange)
    .map(config => {
      if (!config.subnet) throw new InvalidParameter('invalid network config: a gateway or ip-range needs a subnet')
      const subnet = parseSubnet(config.subnet)
      // Docker's word for it is 403.
      if ([...others, ...chosen].some(other => other.overlaps(subnet)))
        throw new Forbidden('invalid pool request: Pool overlaps with other one on this address space')
      if (subnet.size < 4n)
        throw new InvalidParameter('failed to allocate gateway (): No available addresses on this pool')
      if (request.driver === 'bridge' && chosen.some(other => other.family === subnet.family))
        throw new Forbidden("bridge driver doesn't support multiple subnets")
      chosen.push(subnet)
      return completePool(config, subnet)
    })
  if (!request.enableIpv6 && chosen.some(subnet => subnet.family === 6))
    throw new InvalidParameter('invalid network config: an IPv6 subnet needs --ipv6')
  const taken = [...others, ...chosen, ...around.hostSubnets]
  const lacks = (family: 4 | 6): boolean => !chosen.some(subnet => subnet.family === family)
  if (request.enableIpv4 && lacks(4)) pools.unshift(completePool({}, chooseSubnet(around.pools.filter(isIpv4), taken)))
  if (request.enableIpv6 && lacks(6)) pools.push(completePool({}, chooseSubnet(ipv6Pools(around.pools), taken)))
  return pools
}

function parseSubnet(text: string): Subnet {
  try {
    return Subnet.parse(text)
  } catch (cause) {
    throw new InvalidParameter(`invalid network config:\ninvalid subnet ${text}: invalid CIDR block notation`, {
      cause,
    })
  }
}

/** Two bridges cannot share a name on the host. @throws Forbidden */
export function checkBridgeName(network: StoredNetwork, others: readonly StoredNetwork[]): void {
  const name = bridgeName(network)
  const owner = others.find(other => other.id !== network.id && other.driver === 'bridge' && bridgeName(other) === name)
  if (!owner) return
  throw new Forbidden(
    `cannot create network ${network.id} (${name}): conflicts with network ${owner.id} (${name}): networks have same bridge name`,
  )
}
