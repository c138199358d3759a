/** Sandboxes: the network namespaces of running containers, wired to their networks. See types.ts for the words. */

import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { Conflict, Forbidden, NotFound } from '../kernel/errors.ts'
import { makeNetworkNamespace, makeNetworkNamespaceOf, openNetworkNamespace } from '../kernel/namespaces.ts'
import { type Undo, undoOnFailure } from '../kernel/undo.ts'
import { listLinks } from '../netlink/link.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { explainSandbox } from './explain.ts'
import type { Firewall } from './firewall.ts'
import { forgetUdpFlows } from './flows.ts'
import type { HostPorts } from './host-ports.ts'
import type { NetworkAddresses } from './ipam.ts'
import { NameDirectory } from './names/directory.ts'
import { Resolver } from './names/resolver.ts'
import { NameServer } from './names/server.ts'
import { Upstream } from './names/upstream.ts'
import type { StoredNetwork } from './network-store.ts'
import { BRIDGE_OPTION } from './plan-network.ts'
import { firewallPorts, reservePorts, retargetPorts } from './publish.ts'
import { reserveEndpoint } from './reserve-endpoint.ts'
import type { SandboxFiles } from './sandbox-files.ts'
import {
  type Connection,
  dnsNames,
  isUserNetwork,
  leadsOutside,
  publishedConnection,
  routing,
  type SandboxState,
} from './sandbox-state.ts'
import type {
  Connections,
  EndpointRequest,
  ExplainedNetwork,
  InterfaceCounters,
  Sandbox,
  SandboxRecord,
  SandboxRequest,
} from './types.ts'
import { moveDefaultRoutes, unwireEndpoint, wireEndpoint } from './wiring.ts'

export interface SandboxSurroundings {
  host: NetlinkSocket
  firewall: Firewall
  hostPorts: HostPorts
  files: SandboxFiles
  findNetwork(ref: string): StoredNetwork
  addressesOf(network: StoredNetwork): NetworkAddresses
}

export class Sandboxes {
  private readonly states = new Map<string, SandboxState>()
  private readonly directory = new NameDirectory()

  constructor(private readonly around: SandboxSurroundings) {}

  get size(): number {
    return this.states.size
  }

  get(containerId: string): SandboxState | undefined {
    return this.states.get(containerId)
  }

  connectedTo(networkId: string): { containerId: string; name: string; endpoint: Connection['endpoint'] }[] {
    return [...this.states.values()].flatMap(({ request, connections }) => {
      const found = connections.get(networkId)
      return found ? [{ containerId: request.containerId, name: request.containerName, endpoint: found.endpoint }] : []
    })
  }

  // --- The life of a sandbox -----------------------------------------------------------------------------------------

  create(request: SandboxRequest): Promise<Sandbox> {
    if (this.states.has(request.containerId))
      throw new Conflict(`container ${request.containerId} has a sandbox already`)
    return undoOnFailure(async undo => {
      const state = this.reserveAddresses(request, undo)
      // Before anything is made: a port that somebody has is the commonest reason for a start to fail.
      await this.reservePorts(state, undo)
      const { userNamespace } = request
      const netns = userNamespace === undefined ? makeNetworkNamespace() : makeNetworkNamespaceOf(userNamespace)
      undo.defer(() => closeSync(netns))
      this.wire(state, netns, undo)
      this.publish(state)
      undo.defer(() => this.around.firewall.unpublish(request.containerId))
      this.openNames(state, netns)
      state.files = this.around.files.contents(state, this.states)
      this.states.set(request.containerId, state)
      this.refreshFilesOfThoseLinkedTo(request.containerId)
      return { netns, sandboxId: state.sandboxId, ...describe(state), ...state.files }
    })
  }

  release(containerId: string): void {
    const state = this.states.get(containerId)
    if (!state) return
    this.states.delete(containerId)
    state.names?.close()
    this.unpublish(state)
    for (const connection of state.connections.values()) this.forget(containerId, connection)
    this.refreshFilesOfThoseLinkedTo(containerId)
  }

  /** Takes a running container's sandbox over from a daemon that is gone. */
  async restore({ request, sandboxId, endpoints, ports, pid }: SandboxRecord): Promise<void> {
    const state = newState(request, sandboxId)
    for (const endpoint of Object.values(endpoints)) {
      const network = this.around.findNetwork(endpoint.networkId)
      const addresses = this.around.addressesOf(network)
      if (endpoint.ipAddress !== '') addresses.take(4, endpoint.ipAddress)
      if (endpoint.globalIpv6Address !== '') addresses.take(6, endpoint.globalIpv6Address)
      this.join(state, { network, endpoint })
    }
    this.states.set(request.containerId, state)
    const netns = openNetworkNamespace(pid)
    try {
      this.openNames(state, netns, { restored: true })
    } finally {
      closeSync(netns)
    }
    // Last, since somebody else may have taken one. Those that it has, not those that it once asked for.
    await this.reservePorts(state, { defer() {} }, ports)
    this.around.firewall.notePublished(request.containerId, firewallPorts(state.reserved))
  }

  /** When all are restored: what linked containers have in their files depends on the others. */
  restored(): void {
    for (const state of this.states.values()) state.files = this.around.files.contents(state, this.states)
  }

  // --- Changes while it runs -----------------------------------------------------------------------------------------

  connect(network: StoredNetwork, containerId: string, request: EndpointRequest, netns: number): Promise<Connections> {
    const state = this.state(containerId)
    if (state.connections.has(network.id))
      throw new Forbidden(`endpoint with name ${state.request.containerName} already exists in network ${network.name}`)
    return undoOnFailure(async undo => {
      const endpoint = reserveEndpoint(state.request, network, request, this.around.addressesOf(network), undo)
      this.join(state, { network, endpoint })
      undo.defer(() => this.leave(state, network))
      wireEndpoint(this.around.host, { network, endpoint }, netns, {
        routing: routing(state),
        hairpin: state.reserved.length > 0,
      })
      undo.defer(() => unwireEndpoint(this.around.host, { network, endpoint }, netns))
      this.openNames(state, netns)
      await this.republish(state, undo)
      this.refreshFiles(state)
      return describe(state)
    })
  }

  async disconnect(network: StoredNetwork, containerId: string, netns: number): Promise<Connections> {
    const state = this.state(containerId)
    const connection = state.connections.get(network.id)
    if (!connection) throw new NotFound(`container ${containerId} is not connected to network ${network.name}`)
    const before = routing(state)
    unwireEndpoint(this.around.host, connection, netns)
    this.leave(state, network)
    this.forget(containerId, connection)
    moveDefaultRoutes(netns, before, routing(state))
    await this.republish(state, { defer() {} })
    this.refreshFiles(state)
    return describe(state)
  }

  rename(containerId: string, name: string): void {
    const state = this.states.get(containerId)
    if (!state) return
    state.request = { ...state.request, containerName: name }
    for (const { network, endpoint } of [...state.connections.values()]) {
      this.directory.remove(network.id, containerId)
      const names = isUserNetwork(network) ? dnsNames(state.request, endpoint.aliases) : []
      this.join(state, { network, endpoint: { ...endpoint, dnsNames: names } })
    }
    this.refreshFilesOfThoseLinkedTo(containerId)
  }

  counters(pid: number): Record<string, InterfaceCounters> {
    const netns = openNetworkNamespace(pid)
    try {
      using guest = NetlinkSocket.openIn(netns)
      const links = listLinks(guest).filter(link => link.name !== 'lo')
      return Object.fromEntries(links.map(link => [link.name, link.counters]))
    } finally {
      closeSync(netns)
    }
  }

  explain(containerId: string, pid: number): ExplainedNetwork | null {
    const state = this.states.get(containerId)
    if (!state) return null
    const netns = openNetworkNamespace(pid)
    try {
      return explainSandbox(this.around, state, netns)
    } finally {
      closeSync(netns)
    }
  }

  // --- Addresses and interfaces --------------------------------------------------------------------------------------

  private reserveAddresses(request: SandboxRequest, undo: Undo): SandboxState {
    const state = newState(request, randomBytes(32).toString('hex'))
    for (const [ref, wanted] of Object.entries(request.endpoints)) {
      const network = this.around.findNetwork(ref)
      const endpoint = reserveEndpoint(request, network, wanted, this.around.addressesOf(network), undo)
      state.connections.set(network.id, { network, endpoint })
    }
    return state
  }

  private wire(state: SandboxState, netns: number, undo: Undo): void {
    const options = { routing: routing(state), hairpin: state.reserved.length > 0 }
    for (const connection of state.connections.values()) {
      wireEndpoint(this.around.host, connection, netns, options)
      undo.defer(() => unwireEndpoint(this.around.host, connection, null))
      this.join(state, connection)
      undo.defer(() => this.directory.remove(connection.network.id, state.request.containerId))
    }
  }

  private join(state: SandboxState, { network, endpoint }: Connection): void {
    state.connections.set(network.id, { network, endpoint })
    if (!isUserNetwork(network)) return
    this.directory.add({
      networkId: network.id,
      networkName: network.name,
      containerId: state.request.containerId,
      ipv4: endpoint.ipAddress,
      ipv6: endpoint.globalIpv6Address,
      names: endpoint.dnsNames,
    })
  }

  private leave(state: SandboxState, network: StoredNetwork): void {
    state.connections.delete(network.id)
    this.directory.remove(network.id, state.request.containerId)
  }

  private forget(containerId: string, { network, endpoint }: Connection): void {
    this.directory.remove(network.id, containerId)
    const addresses = this.around.addressesOf(network)
    addresses.release(endpoint.ipAddress)
    addresses.release(endpoint.globalIpv6Address)
  }

  // --- Published ports -----------------------------------------------------------------------------------------------

  /** @param kept the ports that it has already */
  private async reservePorts(state: SandboxState, undo: Undo, kept?: Sandbox['ports']): Promise<void> {
    const { request } = state
    const published = publishedConnection(state)
    const endpoint = published?.endpoint
    const nothing = { ports: {}, publishAll: false, exposedPorts: request.exposedPorts }
    const wanted = kept ? { ports: kept, publishAll: false, exposedPorts: [] } : request
    const target = {
      ipv4: endpoint?.ipAddress ?? '',
      ipv6: endpoint?.globalIpv6Address ?? '',
      hostIp: published?.network.options[BRIDGE_OPTION.HOST_BINDING] ?? '',
    }
    const publication = await reservePorts(this.around.hostPorts, endpoint ? wanted : nothing, target).catch(error => {
      if (!(error instanceof Conflict)) throw error
      throw new Conflict(
        `driver failed programming external connectivity on endpoint ${request.containerName} (${endpoint?.endpointId}): ${error.message}`,
        { cause: error },
      )
    })
    undo.defer(() => {
      for (const port of publication.reserved) this.around.hostPorts.release(port)
    })
    state.reserved = publication.reserved
    state.ports = publication.ports
  }

  private publish(state: SandboxState): void {
    this.around.firewall.publish(state.request.containerId, firewallPorts(state.reserved))
    // A client that goes on sending from before has a flow which leads to nobody: the new rules are not asked for it.
    forgetUdpFlows({ hostPorts: udpPorts(state), containerAddresses: [] })
  }

  private unpublish(state: SandboxState): void {
    this.around.firewall.unpublish(state.request.containerId)
    for (const port of state.reserved) this.around.hostPorts.release(port)
    if (udpPorts(state).length > 0)
      forgetUdpFlows({ hostPorts: [], containerAddresses: state.reserved.map(({ containerIp }) => containerIp) })
  }

  /** After a change of its networks: the same ports of the host, leading to where the container is now. */
  private async republish(state: SandboxState, undo: Undo): Promise<void> {
    const endpoint = publishedConnection(state)?.endpoint
    if (endpoint && state.reserved.length > 0) {
      if (!retargetPorts(state.reserved, { ipv4: endpoint.ipAddress, ipv6: endpoint.globalIpv6Address })) return
      this.around.firewall.unpublish(state.request.containerId)
      this.publish(state)
      return
    }
    this.unpublish(state)
    await this.reservePorts(state, undo)
    this.publish(state)
  }

  // --- Names -----------------------------------------------------------------------------------------------------------

  /** Docker's rule: names are served on user networks; the default bridge has the host's servers in resolv.conf and no more. */
  private openNames(state: SandboxState, netns: number, { restored } = { restored: false }): void {
    if (state.names || ![...state.connections.values()].some(({ network }) => isUserNetwork(network))) return
    const resolver = new Resolver(
      this.directory,
      () => [...state.connections.keys()],
      alias => aliasTargets(state, alias),
    )
    // From an internal network no question gets out, not even by way of the host (CVE-2024-29018).
    const upstream = new Upstream(() => (leadsOutside(state) ? this.around.files.upstreamServers(state.request) : []))
    state.names = new NameServer(netns, resolver, upstream, { restored })
  }

  private refreshFiles(state: SandboxState): void {
    this.around.files.refresh(state, this.states)
  }

  private refreshFilesOfThoseLinkedTo(containerId: string): void {
    for (const state of this.states.values())
      if (state.request.links.some(link => link.containerId === containerId)) this.refreshFiles(state)
  }

  private state(containerId: string): SandboxState {
    const state = this.states.get(containerId)
    if (!state) throw new Conflict(`container ${containerId} is not running`)
    return state
  }
}

const newState = (request: SandboxRequest, sandboxId: string): SandboxState => ({
  request,
  sandboxId,
  connections: new Map(),
  reserved: [],
  ports: {},
  names: null,
  files: { hosts: '', resolvConf: '' },
})

const describe = ({ connections, ports }: SandboxState): Connections => ({
  endpoints: Object.fromEntries([...connections.values()].map(({ network, endpoint }) => [network.name, endpoint])),
  ports,
})

const udpPorts = ({ reserved }: SandboxState): number[] =>
  reserved.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort)

/** `--link db:store` on a user network: a name that this container alone has for another. */
const aliasTargets = ({ connections }: SandboxState, alias: string): { networkId: string; name: string }[] =>
  [...connections].flatMap(([networkId, { endpoint }]) =>
    endpoint.links
      .map(link => link.split(':'))
      .filter(([name = '', as = name]) => as.toLowerCase() === alias.toLowerCase())
      .map(([name = '']) => ({ networkId, name })),
  )
