/** Addresses of one subnet: hands each out once, the lowest free one first, as Docker's default address management does. */

import { Conflict, InvalidParameter, Unavailable } from '../kernel/errors.ts'
import { addressToNumber, numberToAddress, type Subnet } from './subnet.ts'

/** IPv4's lowest address names the subnet, its highest everybody in it. */
export const isReserved = (subnet: Subnet, address: bigint): boolean =>
  subnet.family === 4 && subnet.size > 2n && (address === subnet.base || address === subnet.last)

export class AddressPool {
  private readonly used = new Set<bigint>()
  /** Every free address of the range is at this one or above. */
  private lowest: bigint
  private readonly first: bigint
  private readonly last: bigint

  constructor(
    readonly subnet: Subnet,
    range: Subnet = subnet,
  ) {
    // IPv4's lowest address names the subnet and its highest is the broadcast; IPv6's lowest is the routers' anycast.
    this.first = range.base === subnet.base && subnet.size > 2n ? range.base + 1n : range.base
    this.last = subnet.family === 4 && range.last === subnet.last && subnet.size > 2n ? range.last - 1n : range.last
    this.lowest = this.first
  }

  /** @throws Unavailable when the pool is exhausted */
  take(): string {
    for (let address = this.lowest; address <= this.last; address++) {
      if (this.used.has(address)) continue
      this.used.add(address)
      this.lowest = address + 1n
      return numberToAddress(address, this.subnet.family)
    }
    throw new Unavailable(
      "no available IPv4 addresses on this network's address pools".replace('IPv4', `IPv${this.subnet.family}`),
    )
  }

  hasFree(): boolean {
    let address = this.lowest
    while (address <= this.last && this.used.has(address)) address++
    return address <= this.last
  }

  /** @throws InvalidParameter for an address of another subnet, Conflict for one in use */
  takeExactly(address: string): void {
    const number = addressToNumber(address)
    if (!this.subnet.contains(number))
      throw new InvalidParameter(`invalid address ${address}: It does not belong to any of this network's subnets`)
    if (this.used.has(number) || isReserved(this.subnet, number)) throw new Conflict('Address already in use')
    this.used.add(number)
  }

  release(address: string): void {
    const number = addressToNumber(address)
    if (this.used.delete(number) && number < this.lowest && number >= this.first) this.lowest = number
  }

  has(address: string): boolean {
    return this.used.has(addressToNumber(address))
  }
}
