/** Forwarding in user space, for what comes past the firewall's rules: see host-ports.ts. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Forwarder {
  /** The port that it listens on. */
  port: number
  /** Who comes from here on is led to this address. */
  retarget(host: string): void
  close(): void
}

/** A client that has been silent for so long is forgotten, as nf_conntrack_udp_timeout does. */
const UDP_IDLE_MS = 30_000
const MAX_UDP_CLIENTS = 1024

export interface Target {
  host: string
  /** null: whoever comes is sent away. */
  port: number | null
}

export async function forwardTcp(
  host: string,
  port: number,
  { host: toHost, port: toPort }: Target,
): Promise<Forwarder> {
  let target = toHost
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, client => {
    if (toPort === null) return void client.destroy()
    const container = connect({ host: target, port: toPort, allowHalfOpen: true })
    for (const [one, other] of [
      [client, container],
      [container, client],
    ] as const) {
      open.add(one)
      // An end that breaks takes the other with it; one that is closed in order is half-closed in order.
      one.on('error', () => other.destroy()).on('close', () => open.delete(one))
      one.pipe(other)
    }
  })
  server.listen({ host, port, ipv6Only: true, exclusive: true })
  await once(server, 'listening')
  server.unref()
  return {
    port: (server.address() as { port: number }).port,
    retarget(address) {
      target = address
    },
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

export async function forwardUdp(
  host: string,
  port: number,
  { host: toHost, port: toPort }: Target,
): Promise<Forwarder> {
  const type = host.includes(':') ? 'udp6' : 'udp4'
  const server = createSocket({ type, ipv6Only: type === 'udp6' })
  let target = toHost
  const clients = new Map<string, { socket: UdpSocket; timer: NodeJS.Timeout }>()
  const forgetAll = (): void => {
    for (const { socket, timer } of clients.values()) {
      clearTimeout(timer)
      socket.close()
    }
    clients.clear()
  }

  const clientFor = (address: string, from: number) => {
    const key = `${address} ${from}`
    const known = clients.get(key)
    if (known) return known
    const socket = createSocket(target.includes(':') ? 'udp6' : 'udp4')
    const forget = () => {
      clients.delete(key)
      socket.close()
    }
    const client = { socket, timer: setTimeout(forget, UDP_IDLE_MS).unref() }
    socket.on('message', data => {
      client.timer.refresh()
      server.send(data, from, address)
    })
    // The container does not listen (ICMP port unreachable): nothing that a datagram's sender is owed.
    socket.on('error', () => {})
    clients.set(key, client)
    return client
  }

  server.on('message', (data, { address, port: from }) => {
    if (toPort === null) return
    if (clients.size >= MAX_UDP_CLIENTS && !clients.has(`${address} ${from}`)) return
    const client = clientFor(address, from)
    client.timer.refresh()
    client.socket.send(data, toPort, target)
  })
  server.bind({ address: host, port, exclusive: true })
  await once(server, 'listening')
  server.on('error', () => {})
  server.unref()
  return {
    port: server.address().port,
    retarget(address) {
      target = address
      forgetAll()
    },
    close() {
      server.close()
      forgetAll()
    },
  }
}
