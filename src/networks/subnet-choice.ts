/** Which subnet a new network gets when nobody says: the first of the default pools that meets nothing in use. */

import { randomBytes } from 'node:crypto'
import { Unavailable } from '../kernel/errors.ts'
import { Subnet } from './subnet.ts'

/** As in daemon.json's default-address-pools: cut `base` into subnets of `size` bits. */
export interface DefaultPool {
  base: string
  size: number
}

/** Docker's own defaults, so that networks get the addresses which their users know. */
export const DEFAULT_POOLS: readonly DefaultPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
]

/** RFC 4193: a random /48 of one's own; each network takes a /64 of it. */
export const uniqueLocalPool = (randomBytes: Buffer): DefaultPool => {
  const hex = Buffer.concat([Buffer.from([0xfd]), randomBytes.subarray(0, 5)]).toString('hex')
  return { base: `${hex.slice(0, 4)}:${hex.slice(4, 8)}:${hex.slice(8, 12)}::/48`, size: 64 }
}

export const isIpv6 = ({ base }: { base: string }): boolean => base.includes(':')
export const isIpv4 = (pool: { base: string }): boolean => !isIpv6(pool)

/** Those that were configured, or else a range of this machine's own. */
export function ipv6Pools(pools: readonly DefaultPool[]): readonly DefaultPool[] {
  const configured = pools.filter(isIpv6)
  return configured.length > 0 ? configured : [uniqueLocalPool(randomBytes(5))]
}

/**
 * @param taken subnets of the other networks and of the host's routes
 * @throws Unavailable with Docker's words when every pool is used up
 */
export function chooseSubnet(pools: readonly DefaultPool[], taken: readonly Subnet[]): Subnet {
  for (const { base, size } of pools) {
    const pool = Subnet.parse(base)
    const step = Subnet.around(pool.base, size, pool.family).size
    for (let at = pool.base; at <= pool.last; at += step) {
      const candidate = Subnet.around(at, size, pool.family)
      const blocker = taken.find(subnet => subnet.overlaps(candidate))
      if (!blocker) return candidate
    }
  }
  throw new Unavailable('all predefined address pools have been fully subnetted')
}
