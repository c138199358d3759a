/** Questions about the outside world, put to the host's servers from the host's side. RFC 1035 section 4.2, RFC 7766 (TCP). */

import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { Unavailable } from '../../kernel/errors.ts'

const DNS_PORT = 53
/** glibc's resolver waits 5 s for one server: two of ours are tried in that time. */
const TIMEOUT_MS = 2_000
const MAX_IN_FLIGHT = 1_024

export class Upstream {
  private inFlight = 0

  /** @param servers asked in this order, at the moment of each question */
  constructor(private readonly servers: () => readonly string[]) {}

  readonly udp = (query: Buffer): Promise<Buffer> => this.ask(query, askByUdp)
  readonly tcp = (query: Buffer): Promise<Buffer> => this.ask(query, askByTcp)

  /** The first server that answers. @throws Unavailable */
  private async ask(query: Buffer, ask: (server: string, query: Buffer) => Promise<Buffer>): Promise<Buffer> {
    if (this.inFlight >= MAX_IN_FLIGHT) throw new Unavailable('too many DNS questions at once')
    this.inFlight++
    try {
      const servers = this.servers()
      for (const server of servers) {
        const answer = await ask(server, query).catch(() => null)
        if (answer) return answer
      }
      throw new Unavailable(`no DNS server answers (${servers.join(', ') || 'none is configured'})`)
    } finally {
      this.inFlight--
    }
  }
}

function askByUdp(server: string, query: Buffer): Promise<Buffer> {
  // A socket per question: its random port is what protects against forged answers (RFC 5452).
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4')
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unavailable(`${server} does not answer`)), TIMEOUT_MS)
    socket.on('error', reject)
    socket.on('message', (answer, from) => {
      const isOurs = from.port === DNS_PORT && answer.length >= 2 && answer.readUInt16BE(0) === query.readUInt16BE(0)
      if (!isOurs) return
      clearTimeout(timer)
      resolve(answer)
    })
    socket.send(query, DNS_PORT, server)
  }).finally(() => socket.close())
}

async function askByTcp(server: string, query: Buffer): Promise<Buffer> {
  const socket = connect(DNS_PORT, server)
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Unavailable(`${server} does not answer`)))
  try {
    socket.write(withLength(query))
    for await (const answer of messages(socket)) return answer
    throw new Unavailable(`${server} closed the connection`)
  } finally {
    socket.destroy()
  }
}

/** Over TCP each message has its length before it, in two bytes. */
export function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

export async function* messages(socket: Socket): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0)
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk as Buffer])
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0)
      yield Buffer.from(pending.subarray(2, end))
      pending = pending.subarray(end)
    }
  }
}
