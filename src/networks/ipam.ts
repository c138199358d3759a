/** The addresses of one network: a pool per subnet, its gateway and auxiliary addresses taken beforehand. */

import { isIP } from 'node:net'
import { Forbidden, InvalidParameter } from '../kernel/errors.ts'
import { AddressPool, isReserved } from './address-pool.ts'
import { addressToNumber, Subnet } from './subnet.ts'
import type { PoolConfig } from './types.ts'

export interface Assigned {
  address: string
  prefixLength: number
  gateway: string
}

export class NetworkAddresses {
  private readonly pools: { pool: AddressPool; gateway: string }[]

  constructor(configs: readonly PoolConfig[]) {
    this.pools = configs.map(config => {
      const subnet = Subnet.parse(config.subnet)
      const pool = new AddressPool(subnet, config.ipRange === '' ? subnet : Subnet.parse(config.ipRange))
      for (const address of [config.gateway, ...Object.values(config.auxiliary)])
        if (address !== '') pool.takeExactly(address)
      return { pool, gateway: config.gateway }
    })
  }

  has(family: 4 | 6): boolean {
    return this.pools.some(({ pool }) => pool.subnet.family === family)
  }

  /** Takes `wanted`, or any address for ''. @throws InvalidParameter, Conflict, Unavailable */
  take(family: 4 | 6, wanted: string): Assigned {
    const candidates = this.pools.filter(({ pool }) => pool.subnet.family === family)
    const chosen =
      wanted === ''
        ? (candidates.find(({ pool }) => pool.hasFree()) ?? candidates[0])
        : candidates.find(({ pool }) => pool.subnet.contains(addressToNumber(wanted)))
    if (!chosen)
      throw new InvalidParameter(
        wanted === ''
          ? `this network has no IPv${family} subnet`
          : `invalid endpoint settings: no configured subnet contains IP address ${wanted}`,
      )
    const address = wanted === '' ? chosen.pool.take() : wanted
    if (wanted !== '') chosen.pool.takeExactly(wanted)
    return { address, prefixLength: chosen.pool.subnet.prefixLength, gateway: chosen.gateway }
  }

  release(address: string): void {
    if (address === '') return
    const number = addressToNumber(address)
    const family = address.includes(':') ? 6 : 4
    for (const { pool } of this.pools)
      if (pool.subnet.family === family && pool.subnet.contains(number)) pool.release(address)
  }
}

/**
 * Completes what a user said of a subnet: the gateway is its first address unless named.
 * @throws InvalidParameter, Forbidden with Docker's words
 */
export function completePool(partial: Partial<PoolConfig>, subnet: Subnet): PoolConfig {
  const ipRange = partial.ipRange ?? ''
  if (ipRange !== '' && !subnet.holds(Subnet.parse(ipRange)))
    throw new InvalidParameter(`invalid network config:\ninvalid ip-range ${ipRange}: parent subnet is ${subnet}`)
  const gateway = partial.gateway || subnet.address(1n)
  if (!subnet.contains(addressToNumber(gateway)))
    throw new InvalidParameter(`no matching subnet for gateway ${gateway}`)
  if (isReserved(subnet, addressToNumber(gateway)))
    throw new Forbidden(`failed to allocate gateway (${gateway}): Address already in use`)
  const auxiliary = partial.auxiliary ?? {}
  checkAuxiliary(auxiliary, subnet, gateway)
  return { subnet: subnet.toString(), ipRange, gateway, auxiliary }
}

function checkAuxiliary(auxiliary: Record<string, string>, subnet: Subnet, gateway: string): void {
  const taken = new Set([addressToNumber(gateway)])
  for (const [name, address] of Object.entries(auxiliary)) {
    if (isIP(address) !== subnet.family || !subnet.contains(addressToNumber(address)))
      throw new Forbidden(`auxiliary address: (${name}:${address}) must belong to the master pool: ${subnet}`)
    if (taken.has(addressToNumber(address)) || isReserved(subnet, addressToNumber(address)))
      throw new Forbidden(`failed to allocate secondary ip address (${name}:${address}): Address already in use`)
    taken.add(addressToNumber(address))
  }
}
