/** Subnets as numbers. RFC 4632 (CIDR), RFC 4291. Addresses are bigints, so that both families are treated alike. */

import { isIPv4, isIPv6 } from 'node:net'
import { InvalidParameter } from '../kernel/errors.ts'
import { ipBytes, ipText } from '../netlink/ip.ts'

export const addressToNumber = (address: string): bigint => BigInt(`0x${ipBytes(address).toString('hex')}`)

export function numberToAddress(number: bigint, family: 4 | 6): string {
  const bytes = family === 4 ? 4 : 16
  return ipText(Buffer.from(number.toString(16).padStart(bytes * 2, '0'), 'hex'))
}

export class Subnet {
  readonly size: bigint

  private constructor(
    readonly family: 4 | 6,
    /** The lowest address. */
    readonly base: bigint,
    readonly prefixLength: number,
  ) {
    this.size = 1n << BigInt((family === 4 ? 32 : 128) - prefixLength)
  }

  /** Reads '10.0.0.0/8'; bits behind the prefix are cut off. @throws InvalidParameter */
  static parse(text: string): Subnet {
    const [address = '', length = '', ...rest] = text.split('/')
    const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : null
    const prefixLength = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
    if (family === null || rest.length > 0 || !(prefixLength <= (family === 4 ? 32 : 128)))
      throw new InvalidParameter(`invalid CIDR address: ${text}`)
    return Subnet.around(addressToNumber(address), prefixLength, family)
  }

  static around(address: bigint, prefixLength: number, family: 4 | 6): Subnet {
    const hostBits = BigInt((family === 4 ? 32 : 128) - prefixLength)
    return new Subnet(family, (address >> hostBits) << hostBits, prefixLength)
  }

  get last(): bigint {
    return this.base + this.size - 1n
  }

  contains(address: bigint): boolean {
    return address >= this.base && address <= this.last
  }

  holds(other: Subnet): boolean {
    return this.family === other.family && this.contains(other.base) && this.contains(other.last)
  }

  overlaps(other: Subnet): boolean {
    return this.family === other.family && this.base <= other.last && other.base <= this.last
  }

  address(offset: bigint): string {
    return numberToAddress(this.base + offset, this.family)
  }

  toString(): string {
    return `${this.address(0n)}/${this.prefixLength}`
  }
}
