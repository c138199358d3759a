import { describe, expect, it } from 'vitest'
import { AddressPool } from '../../../src/networks/address-pool.ts'
import { completePool, NetworkAddresses } from '../../../src/networks/ipam.ts'
import { Subnet } from '../../../src/networks/subnet.ts'
import { chooseSubnet, DEFAULT_POOLS, uniqueLocalPool } from '../../../src/networks/subnet-choice.ts'

describe('Subnet', () => {
  it('cuts off the bits behind the prefix', () => {
    expect(String(Subnet.parse('172.17.3.4/16'))).toBe('172.17.0.0/16')
    expect(String(Subnet.parse('fd00:1::5/64'))).toBe('fd00:1::/64')
    expect(String(Subnet.parse('0.0.0.0/0'))).toBe('0.0.0.0/0')
  })

  it.each(['172.17.0.0', '172.17.0.0/33', '300.0.0.0/8', '::/129', 'x/8', '1.2.3.4/8/9', '1.2.3.4/'])(
    'refuses %s',
    text => {
      expect(() => Subnet.parse(text)).toThrow(`invalid CIDR address: ${text}`)
    },
  )

  it('knows what overlaps', () => {
    const overlaps = (a: string, b: string) => Subnet.parse(a).overlaps(Subnet.parse(b))
    expect(overlaps('10.0.0.0/8', '10.255.0.0/24')).toBe(true)
    expect(overlaps('10.0.0.0/9', '10.128.0.0/9')).toBe(false)
    expect(overlaps('0.0.0.0/0', '::/0')).toBe(false)
  })
})

describe('AddressPool', () => {
  it('hands out every address once, the lowest free one first, never the ends', () => {
    const pool = new AddressPool(Subnet.parse('10.0.0.0/29'))
    pool.takeExactly('10.0.0.1')
    const taken = Array.from({ length: 5 }, () => pool.take())
    expect(taken).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'])
    expect(() => pool.take()).toThrow(/no available IPv4 addresses/)
    pool.release('10.0.0.4')
    expect(pool.take()).toBe('10.0.0.4')
  })

  it('stays within its range, but gives what is asked for by name', () => {
    const pool = new AddressPool(Subnet.parse('10.0.0.0/24'), Subnet.parse('10.0.0.128/30'))
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([
      '10.0.0.128',
      '10.0.0.129',
      '10.0.0.130',
      '10.0.0.131',
    ])
    pool.takeExactly('10.0.0.9')
    expect(() => pool.takeExactly('10.0.0.9')).toThrow('Address already in use')
    expect(() => pool.takeExactly('10.0.1.9')).toThrow(/does not belong/)
  })

  it('gives 250 containers 250 addresses', () => {
    const pool = new AddressPool(Subnet.parse('10.0.0.0/24'))
    expect(new Set(Array.from({ length: 250 }, () => pool.take())).size).toBe(250)
  })
})

describe('choosing a subnet', () => {
  it('takes the first that nobody uses', () => {
    expect(String(chooseSubnet(DEFAULT_POOLS, []))).toBe('172.17.0.0/16')
    const taken = ['172.17.0.0/16', '172.18.4.0/24', '172.20.0.0/14'].map(Subnet.parse)
    expect(String(chooseSubnet(DEFAULT_POOLS, taken))).toBe('172.19.0.0/16')
    expect(String(chooseSubnet(DEFAULT_POOLS, [...taken, Subnet.parse('172.19.0.0/16')]))).toBe('172.24.0.0/16')
  })

  it('says so when all are used up', () => {
    expect(() => chooseSubnet([{ base: '10.0.0.0/23', size: 24 }], [Subnet.parse('10.0.0.0/8')])).toThrow(
      'all predefined address pools have been fully subnetted',
    )
  })

  it('makes unique local pools of RFC 4193', () => {
    const pool = uniqueLocalPool(Buffer.from([1, 2, 3, 4, 5]))
    expect(String(chooseSubnet([pool], []))).toBe('fd01:203:405::/64')
  })
})

describe('the addresses of a network', () => {
  const subnet = Subnet.parse('172.18.0.0/16')

  it('keeps gateway and auxiliary addresses back', () => {
    const addresses = new NetworkAddresses([completePool({ auxiliary: { router: '172.18.0.2' } }, subnet)])
    expect(addresses.take(4, '')).toEqual({ address: '172.18.0.3', prefixLength: 16, gateway: '172.18.0.1' })
    expect(() => addresses.take(4, '172.18.0.1')).toThrow('Address already in use')
    expect(() => addresses.take(4, '10.0.0.1')).toThrow(/no configured subnet contains/)
  })

  it('refuses a gateway or range of another subnet', () => {
    expect(() => completePool({ gateway: '10.0.0.1' }, subnet)).toThrow('no matching subnet for gateway 10.0.0.1')
    expect(() => completePool({ ipRange: '10.0.0.0/24' }, subnet)).toThrow(/invalid ip-range/)
  })
})
