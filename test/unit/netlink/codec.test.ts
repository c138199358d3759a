import { describe, expect, it } from 'vitest'
import { attributes, decodeMessages, encodeMessage, nested, readText, text, u32 } from '../../../src/netlink/codec.ts'
import { ipBytes, ipText } from '../../../src/netlink/ip.ts'

describe('netlink messages', () => {
  it('pads each message to four bytes and reads it back', () => {
    const request = { type: 16, flags: 5, payload: Buffer.from('abcde'), what: 'test' }
    const bytes = encodeMessage(request, 7)
    expect(bytes.length % 4).toBe(0)
    const [message] = [...decodeMessages(Buffer.concat([bytes, encodeMessage(request, 8)]))]
    expect(message).toMatchObject({ type: 16, sequence: 7, interrupted: false })
    expect(message?.payload.toString()).toBe('abcde')
  })

  it('stops at a length that leads out of the datagram', () => {
    const bytes = encodeMessage({ type: 16, flags: 0, payload: Buffer.alloc(4), what: '' }, 1)
    bytes.writeUInt32LE(4096, 0)
    expect([...decodeMessages(bytes)]).toEqual([])
  })

  it('nests attributes', () => {
    const found = attributes(nested(18, text(1, 'veth'), u32(2, 9)), 0)
    const inner = attributes(found.get(18) as Buffer, 0)
    expect(readText(inner.get(1))).toBe('veth')
    expect(inner.get(2)?.readUInt32LE(0)).toBe(9)
  })
})

describe('addresses', () => {
  it.each(['172.17.0.2', '::1', 'fd00::1:0:0:2', '2001:db8::', '::', '1:2:3:4:5:6:7:8'])('keeps %s', address => {
    expect(ipText(ipBytes(address))).toBe(address)
  })

  it('reads an IPv4 address inside an IPv6 one', () => {
    expect(ipBytes('::ffff:1.2.3.4').subarray(10).toString('hex')).toBe('ffff01020304')
  })

  it.each(['', '1.2.3', '1.2.3.256', 'g::', '1::2::3'])('refuses %j', address => {
    expect(() => ipBytes(address)).toThrow(/invalid IP address/)
  })
})
