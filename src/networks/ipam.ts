/** The addresses of one network: a pool per subnet, its gateway and auxiliary addresses taken beforehand. */

import { InvalidParameter } from '../kernel/errors.ts'
import { AddressPool } from './address-pool.ts'
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
      wanted === '' ? candidates[0] : candidates.find(({ pool }) => pool.subnet.contains(addressToNumber(wanted)))
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
 * @throws InvalidParameter with Docker's words
 */
export function completePool(partial: Partial<PoolConfig>, subnet: Subnet): PoolConfig {
  const ipRange = partial.ipRange ?? ''
  if (ipRange !== '' && !subnet.holds(Subnet.parse(ipRange)))
    throw new InvalidParameter(`invalid network config:\ninvalid ip-range ${ipRange}: parent subnet is ${subnet}`)
  const gateway = partial.gateway || subnet.address(1n)
  if (!subnet.contains(addressToNumber(gateway)))
    throw new InvalidParameter(`no matching subnet for gateway ${gateway}`)
  return { subnet: subnet.toString(), ipRange, gateway, auxiliary: partial.auxiliary ?? {} }
}
