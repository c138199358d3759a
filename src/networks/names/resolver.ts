/**
 * Answers one DNS question of a container: from the directory if a container is called so, from the host's servers otherwise.
 * RFC 1035; messages are read and written by dns-packet. What is forwarded goes through as it is, byte for byte.
 */

import { type Answer, decode, encode, type Packet, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet'
import { ipText } from '../../netlink/ip.ts'
import type { NameDirectory } from './directory.ts'

/** As Docker's: a container that moves is found again at once by whoever asks again. */
const TTL_SECONDS = 600
const SERVFAIL = 2

/** Sends a query to a server outside; rejects when none answers. */
export type Forward = (query: Buffer) => Promise<Buffer>

export class Resolver {
  private turn = 0

  constructor(
    private readonly directory: NameDirectory,
    /** The networks of the container that asks. */
    private readonly networkIds: () => readonly string[],
    /** Whom a name means that this container alone has for another. */
    private readonly links: (alias: string) => { networkId: string; name: string }[] = () => [],
  ) {}

  /**
   * The answer to send back; null for what is no query at all.
   * @param limit bytes that the way back takes, by what the query says of it; one over TCP has none
   */
  async answer(query: Buffer, forward: Forward, limit?: (query: Packet) => number): Promise<Buffer | null> {
    const packet = parse(query)
    if (packet?.type !== 'query') return null
    const answers = this.localAnswers(packet)
    if (answers) return within(reply(packet, answers), limit?.(packet) ?? Number.POSITIVE_INFINITY)
    try {
      return await forward(query)
    } catch {
      return encode({ ...reply(packet, []), flags: (packet.flags ?? 0) | RECURSION_AVAILABLE | SERVFAIL })
    }
  }

  /** null when the question is not about a container. An empty list: the name exists, but has no record of that type. */
  private localAnswers(packet: Packet): Answer[] | null {
    const question = packet.questions?.[0]
    if (!question) return null
    const { name, type } = question
    const ids = this.networkIds()
    if (type === 'PTR') {
      const address = addressOfPointer(name)
      const found = address === null ? null : this.directory.nameOf(ids, address)
      return found === null ? null : [{ type: 'PTR', name, ttl: TTL_SECONDS, data: found }]
    }
    const found = this.linked(name) ?? this.directory.addresses(ids, name)
    if (!found) return null
    if (type === 'A') return this.rotated(found.ipv4).map(data => ({ type: 'A', name, ttl: TTL_SECONDS, data }))
    if (type === 'AAAA') return this.rotated(found.ipv6).map(data => ({ type: 'AAAA', name, ttl: TTL_SECONDS, data }))
    return []
  }

  private linked(alias: string): { ipv4: string[]; ipv6: string[] } | null {
    for (const { networkId, name } of this.links(alias)) {
      const found = this.directory.addresses([networkId], name)
      if (found) return found
    }
    return null
  }

  /** Each answer begins with another one, so that clients which take the first spread over all. */
  private rotated(addresses: readonly string[]): string[] {
    if (addresses.length < 2) return [...addresses]
    const start = this.turn++ % addresses.length
    return [...addresses.slice(start), ...addresses.slice(0, start)]
  }
}

/** Without EDNS a datagram has no more. RFC 1035 section 4.2.1 */
const PLAIN_DATAGRAM = 512

/** Bytes of a datagram that who asks can take. RFC 6891 section 6.2.3 */
export function datagramLimit({ additionals = [] }: Packet): number {
  const edns = additionals.find(record => record.type === 'OPT')
  return Math.max(PLAIN_DATAGRAM, edns?.udpPayloadSize ?? 0)
}

/** As many of the answers as there is room for, and the word that there are more: who needs them asks again by TCP. */
function within(packet: Packet, limit: number): Buffer {
  const whole = encode(packet)
  if (whole.length <= limit) return whole
  const answers = [...(packet.answers ?? [])]
  const flags = (packet.flags ?? 0) | TRUNCATED_RESPONSE
  let cut = whole
  while (cut.length > limit && answers.pop()) cut = encode({ ...packet, flags, answers })
  return cut
}

function parse(query: Buffer): Packet | null {
  try {
    return decode(query)
  } catch {
    return null
  }
}

const reply = (query: Packet, answers: Answer[]): Packet => ({
  type: 'response',
  id: query.id ?? 0,
  flags: (query.flags ?? 0) | RECURSION_AVAILABLE,
  questions: query.questions ?? [],
  answers,
})

/** '2.0.18.172.in-addr.arpa' → '172.18.0.2'; RFC 1035 section 3.5, RFC 3596 section 2.5. */
function addressOfPointer(name: string): string | null {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa\.?$/i.exec(name)
  if (v4) return [v4[4], v4[3], v4[2], v4[1]].join('.')
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa\.?$/i.exec(name)
  return v6 ? ipText(Buffer.from(v6[1]!.replaceAll('.', '').split('').reverse().join(''), 'hex')) : null
}
