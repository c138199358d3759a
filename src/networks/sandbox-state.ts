/** What is known of one sandbox while its container runs. The words are those of types.ts. */

import type { ReservedPort } from './host-ports.ts'
import type { NameServer } from './names/server.ts'
import type { StoredNetwork } from './network-store.ts'
import type { Connections, Endpoint, Sandbox, SandboxRequest } from './types.ts'

/** One network of a sandbox, and the sandbox's place in it. */
export interface Connection {
  network: StoredNetwork
  endpoint: Endpoint
}

export interface SandboxState {
  request: SandboxRequest
  sandboxId: string
  /** By network id, in the order in which they were made. */
  connections: Map<string, Connection>
  reserved: ReservedPort[]
  ports: Sandbox['ports']
  names: NameServer | null
  /** What the container's files hold, as they were written last. */
  files: SandboxTexts
}

export type SandboxTexts = Pick<Sandbox, 'hosts' | 'resolvConf'>

export const isUserNetwork = (network: StoredNetwork): boolean =>
  network.name !== 'bridge' && (network.driver === 'bridge' || network.driver === 'macvlan')

/** Whose gateways the default routes lead to: of each family the first that has one. */
export interface Routing {
  ipv4: Connection | undefined
  ipv6: Connection | undefined
}

export function routing({ connections }: Pick<SandboxState, 'connections'>): Routing {
  const all = [...connections.values()]
  return {
    ipv4: all.find(({ endpoint }) => endpoint.gateway !== ''),
    ipv6: all.find(({ endpoint }) => endpoint.ipv6Gateway !== ''),
  }
}

export const leadsOutside = (state: Pick<SandboxState, 'connections'>): boolean => {
  const { ipv4, ipv6 } = routing(state)
  return ipv4 !== undefined || ipv6 !== undefined
}

/** What published ports lead to; undefined where there is nothing to publish on. */
export const publishedConnection = ({ connections }: Pick<SandboxState, 'connections'>): Connection | undefined =>
  [...connections.values()].find(({ network }) => network.driver === 'bridge' && !network.internal)

/** What its neighbours on a user network call it. */
const dnsNames = (request: SandboxRequest, aliases: readonly string[]): string[] => [
  ...new Set([request.containerName, ...aliases, request.containerId.slice(0, 12), request.hostname].filter(Boolean)),
]

/** … on this network: the default bridge has no names. */
export const namesOn = (network: StoredNetwork, request: SandboxRequest, aliases: readonly string[]): string[] =>
  isUserNetwork(network) ? dnsNames(request, aliases) : []

/** Before anything of it is made. */
export const newState = (request: SandboxRequest, sandboxId: string): SandboxState => ({
  request,
  sandboxId,
  connections: new Map(),
  reserved: [],
  ports: {},
  names: null,
  files: { hosts: '', resolvConf: '' },
})

/** As others see it. */
export const connectionsOf = ({ connections, ports }: SandboxState): Connections => ({
  endpoints: Object.fromEntries([...connections.values()].map(({ network, endpoint }) => [network.name, endpoint])),
  ports,
})
