/** Internet addresses as text and as bytes. RFC 4291 section 2.2, RFC 5952 for how IPv6 is written. */

import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { InvalidParameter } from '../kernel/errors.ts'

/** Four or sixteen bytes, in network order. @throws InvalidParameter */
export function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (isIPv6(address)) return ipv6Bytes(address)
  throw new InvalidParameter(`invalid IP address: ${address}`)
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const left = words(head)
  const right = words(tail ?? '')
  const zeros = tail === undefined ? [] : new Array<number>(8 - left.length - right.length).fill(0)
  const bytes = Buffer.alloc(16)
  for (const [i, word] of [...left, ...zeros, ...right].entries()) bytes.writeUInt16BE(word, i * 2)
  return bytes
}

/** Groups of four hexadecimal digits; the last one may be an IPv4 address. */
const words = (part: string): number[] =>
  part === ''
    ? []
    : part.split(':').flatMap(group => {
        if (!group.includes('.')) return [Number.parseInt(group, 16)]
        const v4 = ipBytes(group)
        return [v4.readUInt16BE(0), v4.readUInt16BE(2)]
      })

/** The canonical text of four or sixteen bytes. */
export function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const full = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':')
  return new SocketAddress({ address: full, family: 'ipv6' }).address
}
