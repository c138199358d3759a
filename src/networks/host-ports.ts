/**
 * Ports of the host that lead to containers.
 *
 * nftables forwards them (firewall-rules.ts). A listening socket beside each rule does three things which a rule cannot: it keeps the
 * port from being given to anybody else, finds out that somebody has it already, and serves the addresses that DNAT cannot
 * reach, [::1] and other IPv6 addresses in front of a container that has IPv4 only.
 */

import { Conflict, hasCode, InvalidParameter, NotImplemented } from '../kernel/errors.ts'
import { type Forwarder, forwardTcp, forwardUdp } from './forwarders.ts'

export interface PortRequest {
  protocol: 'tcp' | 'udp'
  /** '0.0.0.0', '::' or one address. */
  hostIp: string
  /** 0: any that is free. */
  hostPort: number
  containerIp: string
  containerPort: number
}

export interface ReservedPort extends PortRequest {
  forwarder: Forwarder
}

export class HostPorts {
  /** By protocol and number: only the same of both can collide. */
  private readonly reserved = new Map<string, Set<ReservedPort>>()

  /** @param forwards without it ports are kept and conflicts are found, and who comes past the rules is sent away */
  constructor(private readonly options: { forwards: boolean }) {}

  /** @throws Conflict in Docker's words; what bind(2) says of an address that the host does not have */
  async reserve(request: PortRequest): Promise<ReservedPort> {
    const at = `${bracketed(request.hostIp)}:${request.hostPort}`
    if ([...(this.reserved.get(keyOf(request)) ?? [])].some(port => collide(port, request)))
      throw new Conflict(`Bind for ${at} failed: port is already allocated`)
    const forward = request.protocol === 'tcp' ? forwardTcp : forwardUdp
    try {
      const forwarder = await forward(request.hostIp, request.hostPort, {
        host: request.containerIp,
        port: this.options.forwards ? request.containerPort : null,
      })
      const port = { ...request, hostPort: forwarder.port, forwarder }
      this.reserved.set(keyOf(port), (this.reserved.get(keyOf(port)) ?? new Set()).add(port))
      return port
    } catch (error) {
      const reason = bindFailure(error)
      if (reason === null) throw error
      const family = request.hostIp.includes(':') ? '6' : '4'
      throw new Conflict(`failed to bind host port: listen ${request.protocol}${family} ${at}: bind: ${reason}`, {
        cause: error,
      })
    }
  }

  release(port: ReservedPort): void {
    const others = this.reserved.get(keyOf(port))
    others?.delete(port)
    if (others?.size === 0) this.reserved.delete(keyOf(port))
    port.forwarder.close()
  }
}

const keyOf = ({ protocol, hostPort }: PortRequest): string => `${protocol} ${hostPort}`

const WILDCARDS = ['0.0.0.0', '::']

/** Whether two sockets could not listen side by side. The families are apart: a socket on [::] is for IPv6 only. */
function collide(a: PortRequest, b: PortRequest): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort || a.hostIp.includes(':') !== b.hostIp.includes(':'))
    return false
  return a.hostIp === b.hostIp || WILDCARDS.includes(a.hostIp) || WILDCARDS.includes(b.hostIp)
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)

/** A container of this daemon has it: no word from the kernel. */
export const isAllocated = (error: Conflict): boolean => error.cause === undefined

/** The host has no such address, or no such family at all. */
export const isWithoutAddress = (error: unknown): boolean =>
  hasCode(error instanceof Conflict ? error.cause : error, 'EADDRNOTAVAIL', 'EAFNOSUPPORT')

/** Go's words for what bind(2) says. */
function bindFailure(error: unknown): string | null {
  if (hasCode(error, 'EADDRINUSE')) return 'address already in use'
  if (hasCode(error, 'EADDRNOTAVAIL')) return 'cannot assign requested address'
  if (hasCode(error, 'EACCES')) return 'permission denied'
  return null
}

/** '80/tcp' → its parts. @throws InvalidParameter, NotImplemented for SCTP */
export function parsePort(text: string): { port: number; protocol: 'tcp' | 'udp' } {
  const [digits = '', protocol = 'tcp'] = text.split('/')
  if (protocol === 'sctp') throw new NotImplemented(`cannot publish ${text}: skiff forwards tcp and udp, not sctp`)
  if (protocol !== 'tcp' && protocol !== 'udp') throw new InvalidParameter(`invalid proto: ${protocol}`)
  return { port: parsePortNumber(digits), protocol }
}

/** '' → null, '80' → [80, 80], '80-90' → [80, 90]. @throws InvalidParameter */
export function parsePortRange(text: string): [number, number] | null {
  if (text === '' || text === '0') return null
  const [first = '', last = first] = text.split('-')
  const range: [number, number] = [parsePortNumber(first), parsePortNumber(last)]
  if (range[0] > range[1]) throw new InvalidParameter(`invalid port specification: "${text}"`)
  return range
}

function parsePortNumber(digits: string): number {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port < 1 || port > 65535) throw new InvalidParameter(`invalid port specification: "${digits}"`)
  return port
}
