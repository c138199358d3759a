/** Which gateway, range and auxiliary address belongs to which subnet of `network create`. */

import { BlockList, isIPv6 } from 'node:net'

export interface Asked {
  readonly subnets: readonly string[]
  readonly ranges: readonly string[]
  readonly gateways: readonly string[]
  readonly auxiliary: Readonly<Record<string, string>>
}

interface SubnetConfig {
  Subnet: string
  IPRange?: string
  Gateway?: string
  AuxiliaryAddresses?: Record<string, string>
}

/** @throws Error in Docker's words */
export function ipamConfig({ subnets, ranges, gateways, auxiliary }: Asked): SubnetConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new Error('every ip-range or gateway must have a corresponding subnet')
  const configs = new Map<string, SubnetConfig>()
  for (const [i, subnet] of subnets.entries()) {
    if (subnets.slice(0, i).some(other => contains(other, addressOf(subnet)) || contains(subnet, addressOf(other))))
      throw new Error('multiple overlapping subnet configuration is not supported')
    configs.set(subnet, { Subnet: subnet })
  }
  const owner = (address: string, complaint: string) => {
    const found = [...configs.values()].find(({ Subnet }) => contains(Subnet, address))
    if (!found) throw new Error(complaint)
    return found
  }
  for (const range of ranges) {
    const config = owner(addressOf(range), `no matching subnet for range ${range}`)
    if (config.IPRange)
      throw new Error(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      )
    config.IPRange = range
  }
  for (const gateway of gateways) {
    const config = owner(gateway, `no matching subnet for gateway ${gateway}`)
    if (config.Gateway)
      throw new Error(
        `cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${config.Subnet})`,
      )
    config.Gateway = gateway
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    const config = owner(address, `no matching subnet for aux-address ${address}`)
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address }
  }
  return [...configs.values()]
}

const addressOf = (cidr: string): string => cidr.split('/', 1)[0] ?? ''

function contains(subnet: string, address: string): boolean {
  const [network = '', bits = ''] = subnet.split('/')
  const family = (text: string) => (isIPv6(text) ? 'ipv6' : 'ipv4')
  if (family(network) !== family(address)) return false
  try {
    const list = new BlockList()
    list.addSubnet(network, Number(bits), family(network))
    return list.check(address, family(address))
  } catch {
    throw new Error(`invalid subnet ${subnet}`)
  }
}
