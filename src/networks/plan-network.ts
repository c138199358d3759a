/** From what a user asked for to a network that can be made: every refusal of `network create` is here, in Docker's words. */

import { randomBytes } from 'node:crypto'
import { isIPv4 as isIPv4Address } from 'node:net'
import { Conflict, Forbidden, InvalidParameter, NotFound } from '../kernel/errors.ts'
import { completePool } from './ipam.ts'
import type { StoredNetwork } from './network-store.ts'
import { Subnet } from './subnet.ts'
import { chooseSubnet, type DefaultPool, uniqueLocalPool } from './subnet-choice.ts'
import type { NetworkId, NetworkRequest, PoolConfig } from './types.ts'

export const PREDEFINED: readonly string[] = ['bridge', 'host', 'none']

/** Options of the bridge driver, by their Docker names. */
export const BRIDGE_OPTION = {
  NAME: 'com.docker.network.bridge.name',
  MASQUERADE: 'com.docker.network.bridge.enable_ip_masquerade',
  ICC: 'com.docker.network.bridge.enable_icc',
  HOST_BINDING: 'com.docker.network.bridge.host_binding_ipv4',
  DEFAULT_BRIDGE: 'com.docker.network.bridge.default_bridge',
  MTU: 'com.docker.network.driver.mtu',
} as const

const MACVLAN_OPTIONS = new Set(['parent', 'macvlan_mode', BRIDGE_OPTION.MTU])
const IFNAMSIZ = 16

export interface Surroundings {
  /** Networks that exist. */
  networks: readonly StoredNetwork[]
  /** Subnets that the host itself has routes to. */
  hostSubnets: readonly Subnet[]
  pools: readonly DefaultPool[]
}

/** @throws InvalidParameter, Conflict, Forbidden, NotFound, Unavailable */
export function planNetwork(request: NetworkRequest, around: Surroundings): StoredNetwork {
  checkName(request.name)
  checkDriver(request)
  const id = randomBytes(32).toString('hex') as NetworkId
  return {
    ...request,
    driver: request.driver || 'bridge',
    id,
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
  if (PREDEFINED.includes(name)) throw new Forbidden(`operation is not permitted on predefined ${name} network`)
  if (/[/\s]/.test(name)) throw new InvalidParameter(`invalid network name: "${name}" holds a slash or white space`)
}

function checkDriver({ driver, options, ipam }: NetworkRequest): void {
  if (driver === 'host' || driver === 'none' || driver === 'null')
    throw new Forbidden(`only one instance of "${driver === 'none' ? 'null' : driver}" network is allowed`)
  if (!['', 'bridge', 'macvlan'].includes(driver))
    throw new NotFound(`could not find plugin ${driver} in v1 plugin registry: plugin not found`)
  if (!['', 'default'].includes(ipam.driver))
    throw new NotFound(`could not find plugin ${ipam.driver} in v1 plugin registry: plugin not found`)
  const known = driver === 'macvlan' ? MACVLAN_OPTIONS : new Set<string>(Object.values(BRIDGE_OPTION))
  const unknown = Object.keys(options).find(option => !known.has(option))
  if (unknown !== undefined)
    throw new InvalidParameter(`unknown option "${unknown}" for driver "${driver || 'bridge'}"`)
  const name = options[BRIDGE_OPTION.NAME]
  if (name !== undefined && (name === '' || Buffer.byteLength(name) >= IFNAMSIZ))
    throw new InvalidParameter(`invalid bridge name "${name}": an interface name has 1 to ${IFNAMSIZ - 1} bytes`)
  const binding = options[BRIDGE_OPTION.HOST_BINDING]
  if (binding !== undefined && !isIPv4Address(binding))
    throw new InvalidParameter(
      `failed to parse ${BRIDGE_OPTION.HOST_BINDING} value: "${binding}" (not an IPv4 address)`,
    )
  for (const option of [BRIDGE_OPTION.ICC, BRIDGE_OPTION.MASQUERADE]) {
    const value = options[option]
    if (value !== undefined && value !== 'true' && value !== 'false')
      throw new InvalidParameter(`failed to parse ${option} value: "${value}" (true or false)`)
  }
  const mtu = options[BRIDGE_OPTION.MTU]
  if (mtu !== undefined && !(Number(mtu) >= 68 && Number(mtu) <= 65535))
    throw new InvalidParameter(`invalid MTU: ${mtu}`)
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
      if (subnet.size < 4n) throw new InvalidParameter(`invalid subnet ${subnet}: it has no address for a container`)
      chosen.push(subnet)
      return completePool(config, subnet)
    })
  if (!request.enableIpv6 && chosen.some(subnet => subnet.family === 6))
    throw new InvalidParameter('invalid network config: an IPv6 subnet needs --ipv6')
  const taken = [...others, ...chosen, ...around.hostSubnets]
  const lacks = (family: 4 | 6): boolean => !chosen.some(subnet => subnet.family === family)
  if (request.enableIpv4 && lacks(4)) pools.unshift(completePool({}, chooseSubnet(around.pools.filter(isIpv4), taken)))
  if (request.enableIpv6 && lacks(6)) {
    const configured = around.pools.filter(pool => !isIpv4(pool))
    pools.push(
      completePool({}, chooseSubnet(configured.length > 0 ? configured : [uniqueLocalPool(randomBytes(5))], taken)),
    )
  }
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

const isIpv4 = (pool: DefaultPool): boolean => !pool.base.includes(':')

/** Two bridges cannot share a name on the host. @throws Conflict */
export function checkBridgeName(network: StoredNetwork, others: readonly StoredNetwork[]): void {
  const name = bridgeName(network)
  const owner = others.find(other => other.id !== network.id && other.driver === 'bridge' && bridgeName(other) === name)
  if (owner) throw new Conflict(`bridge name ${name} is already used by network ${owner.name}`)
}
