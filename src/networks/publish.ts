/** A sandbox's published ports: from what was asked for to reserved ports, the firewall's rules, and what inspect shows. */

import { Conflict, InvalidParameter } from '../kernel/errors.ts'
import { undoOnFailure } from '../kernel/undo.ts'
import type { PublishedPort } from './firewall-rules.ts'
import {
  type HostPorts,
  isAllocated,
  isWithoutAddress,
  type PortRequest,
  parsePort,
  parsePortRange,
  type ReservedPort,
} from './host-ports.ts'
import type { PortBinding, SandboxRequest } from './types.ts'

export interface Publication {
  reserved: ReservedPort[]
  ports: Record<string, PortBinding[] | null>
}

/** A container's addresses; '' for one that it does not have. */
interface Target {
  ipv4: string
  ipv6: string
}

/** … and the address of the host for ports that name none: the network's option host_binding_ipv4; '' or 0.0.0.0 for every one. */
type Place = Target & { hostIp: string }

type Wanted = Pick<SandboxRequest, 'ports' | 'publishAll' | 'exposedPorts' | 'preferred'>

/** What shall be published where; an exposed port that is not published stands there with null. */
export function wantedPorts({ ports, publishAll, exposedPorts }: Wanted): Record<string, PortBinding[] | null> {
  const wanted: Record<string, PortBinding[] | null> = {}
  for (const port of exposedPorts) wanted[port] = publishAll ? [{ hostIp: '', hostPort: '' }] : null
  for (const [port, bindings] of Object.entries(ports))
    wanted[port] = bindings && bindings.length > 0 ? bindings : (wanted[port] ?? null)
  return wanted
}

/** Reserves all of them or none. @throws Conflict, InvalidParameter, NotImplemented */
export const reservePorts = (hostPorts: HostPorts, wanted: Wanted, target: Place): Promise<Publication> =>
  undoOnFailure(async undo => {
    const publication: Publication = { reserved: [], ports: {} }
    for (const [port, bindings] of Object.entries(wantedPorts(wanted))) {
      const shown: PortBinding[] = []
      for (const binding of bindings ?? []) {
        const preferred = Number(wanted.preferred?.[port]?.[0]?.hostPort ?? 0)
        for (const reserved of await reserveBinding(hostPorts, port, binding, target, preferred)) {
          undo.defer(() => hostPorts.release(reserved))
          publication.reserved.push(reserved)
          shown.push({ hostIp: reserved.hostIp, hostPort: String(reserved.hostPort) })
        }
      }
      publication.ports[port] = bindings ? shown : null
    }
    return publication
  })

/** How often to ask for another port when one that the kernel chose is free on 0.0.0.0 and taken on [::]. */
const EPHEMERAL_TRIES = 16

/** One binding gives one port, or two of the same number when it names no address: on 0.0.0.0 and on [::]. */
async function reserveBinding(
  hostPorts: HostPorts,
  containerPort: string,
  { hostIp, hostPort }: PortBinding,
  target: Place,
  preferred: number,
): Promise<ReservedPort[]> {
  const { port, protocol } = parsePort(containerPort)
  const range = parsePortRange(hostPort)
  const candidates = range ? numbers(...range) : [preferred, ...new Array<number>(EPHEMERAL_TRIES).fill(0)]
  const addresses = hostAddresses(hostIp, target.hostIp)
  const requests = addresses.map(address => ({
    protocol,
    hostIp: address,
    containerIp: containerIp(address, target),
    containerPort: port,
  }))
  for (const [tried, candidate] of candidates.entries()) {
    try {
      return await reserveAll(hostPorts, requests, candidate)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      if (tried < candidates.length - 1) continue
      throw range && range[0] < range[1] && isAllocated(error) ? new Conflict('all ports are allocated') : error
    }
  }
  throw new InvalidParameter(`invalid port specification: "${hostPort}"`)
}

/** Docker's rule: every address of both families, unless the binding or its network names one. */
function hostAddresses(asked: string, networks: string): string[] {
  if (asked !== '') return [asked.replace(/^\[|\]$/g, '')]
  return networks === '' || networks === '0.0.0.0' ? ['0.0.0.0', '::'] : [networks]
}

const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, offset) => first + offset)

/** The same number for each of them. @throws Conflict */
const reserveAll = (
  hostPorts: HostPorts,
  requests: readonly Omit<PortRequest, 'hostPort'>[],
  hostPort: number,
): Promise<ReservedPort[]> =>
  undoOnFailure(async undo => {
    const reserved: ReservedPort[] = []
    for (const request of requests) {
      const number = reserved[0]?.hostPort ?? hostPort
      const port = await hostPorts.reserve({ ...request, hostPort: number }).catch(error => {
        // A host without IPv6 has no [::]; nobody asked for it by name.
        if (requests.length > 1 && request.hostIp === '::' && isWithoutAddress(error)) return null
        throw error
      })
      if (!port) continue
      undo.defer(() => hostPorts.release(port))
      reserved.push(port)
    }
    return reserved
  })

/** The family of the host's address if the container has it, the other one otherwise. */
const containerIp = (hostIp: string, { ipv4, ipv6 }: Target): string =>
  hostIp.includes(':') ? ipv6 || ipv4 : ipv4 || ipv6

/** The container has moved to other addresses. Returns whether that changes anything. */
export function retargetPorts(reserved: readonly ReservedPort[], target: Target): boolean {
  const moved = reserved.filter(port => port.containerIp !== containerIp(port.hostIp, target))
  for (const port of moved) {
    port.containerIp = containerIp(port.hostIp, target)
    port.forwarder.retarget(port.containerIp)
  }
  return moved.length > 0
}

/** The rules for reserved ports. One whose address is of another family than the container's is left to its forwarder. */
export const firewallPorts = (reserved: readonly ReservedPort[]): PublishedPort[] =>
  reserved.filter(port => port.hostIp.includes(':') === port.containerIp.includes(':'))
