/** The networks that always exist: bridge, host and none. The bridge follows the daemon's configuration at every start. */

import { randomBytes } from 'node:crypto'
import { InvalidParameter } from '../kernel/errors.ts'
import { BRIDGE_OPTION } from './driver-options.ts'
import { completePool } from './ipam.ts'
import type { StoredNetwork } from './network-store.ts'
import { addressToNumber, Subnet } from './subnet.ts'
import { chooseSubnet, type DefaultPool, ipv6Pools, isIpv4, isIpv6 } from './subnet-choice.ts'
import type { NetworkId, PoolConfig } from './types.ts'

/** As dockerd's flags --bridge, --bip, --fixed-cidr, --ipv6, --fixed-cidr-v6, --ip, --mtu, --icc, --ip-masq. */
export interface DefaultBridge {
  name: string
  /** The bridge's own address with its prefix, '172.17.0.1/16'; '' for one of the pools. */
  bip: string
  /** Containers' addresses come from here; '' for the whole subnet. */
  fixedCidr: string
  ipv6: boolean
  /** Its IPv6 subnet; '' for one of this machine's own. */
  fixedCidrV6: string
  /** Where its ports are published: an address, or 0.0.0.0 for all. */
  defaultIp: string
  mtu: number | null
  icc: boolean
  masquerade: boolean
}

/** Those of the three that are missing or not as configured. `taken`: subnets of the host. */
export function predefinedNetworks(
  bridge: DefaultBridge | null,
  existing: readonly StoredNetwork[],
  taken: readonly Subnet[],
  pools: readonly DefaultPool[],
): StoredNetwork[] {
  const named = (name: string) => existing.find(network => network.name === name)
  const wanted = [plain('host', 'host', named('host')), plain('none', 'null', named('none'))]
  if (bridge) {
    const others = existing.filter(network => network.name !== 'bridge')
    const subnets = others.flatMap(network => network.ipam.config.map(config => Subnet.parse(config.subnet)))
    wanted.push(defaultBridge(bridge, named('bridge'), [...taken, ...subnets], pools))
  }
  return wanted.filter(network => JSON.stringify(network) !== JSON.stringify(named(network.name)))
}

const base = (name: string, driver: string, known: StoredNetwork | undefined): StoredNetwork => ({
  name,
  driver,
  id: known?.id ?? (randomBytes(32).toString('hex') as NetworkId),
  created: known?.created ?? new Date().toISOString(),
  scope: 'local',
  configuredSubnets: false,
  internal: false,
  attachable: false,
  enableIpv4: true,
  enableIpv6: false,
  labels: {},
  options: {},
  ipam: { driver: 'default', options: {}, config: [] },
})

const plain = (name: string, driver: string, known: StoredNetwork | undefined): StoredNetwork =>
  base(name, driver, known)

function defaultBridge(
  wanted: DefaultBridge,
  known: StoredNetwork | undefined,
  taken: readonly Subnet[],
  pools: readonly DefaultPool[],
): StoredNetwork {
  const options: Record<string, string> = {
    [BRIDGE_OPTION.DEFAULT_BRIDGE]: 'true',
    [BRIDGE_OPTION.ICC]: String(wanted.icc),
    [BRIDGE_OPTION.MASQUERADE]: String(wanted.masquerade),
    [BRIDGE_OPTION.HOST_BINDING]: wanted.defaultIp,
    [BRIDGE_OPTION.NAME]: wanted.name,
    [BRIDGE_OPTION.MTU]: String(wanted.mtu ?? 1500),
  }
  const network = base('bridge', 'bridge', known)
  const config = [pool(wanted, known, taken, pools), ...(wanted.ipv6 ? [ipv6Pool(wanted, known, taken, pools)] : [])]
  return { ...network, enableIpv6: wanted.ipv6, options, ipam: { ...network.ipam, config } }
}

function pool(
  { bip, fixedCidr }: DefaultBridge,
  known: StoredNetwork | undefined,
  taken: readonly Subnet[],
  pools: readonly DefaultPool[],
): PoolConfig {
  if (bip !== '') {
    const subnet = Subnet.parse(bip)
    const gateway = bip.split('/')[0] as string
    if (addressToNumber(gateway) === subnet.base)
      throw new InvalidParameter(`invalid bip ${bip}: it names a subnet, not an address`)
    return completePool({ gateway, ipRange: fixedCidr }, subnet)
  }
  // A subnet once chosen is kept, unless the host has come to use it itself.
  const before = keptPool(known, taken, isIpv4)
  if (before) return { ...before, ipRange: fixedCidr }
  return completePool({ ipRange: fixedCidr }, chooseSubnet(pools.filter(isIpv4), taken))
}

function ipv6Pool(
  { fixedCidrV6 }: DefaultBridge,
  known: StoredNetwork | undefined,
  taken: readonly Subnet[],
  pools: readonly DefaultPool[],
): PoolConfig {
  if (fixedCidrV6 !== '') return completePool({}, Subnet.parse(fixedCidrV6))
  return keptPool(known, taken, isIpv6) ?? completePool({}, chooseSubnet(ipv6Pools(pools), taken))
}

const keptPool = (
  known: StoredNetwork | undefined,
  taken: readonly Subnet[],
  isOf: (pool: { base: string }) => boolean,
): PoolConfig | undefined =>
  known?.ipam.config.find(
    ({ subnet }) => isOf({ base: subnet }) && !taken.some(other => other.overlaps(Subnet.parse(subnet))),
  )
