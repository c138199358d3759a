/** Sandboxes: the network namespaces of running containers, wired to their networks. See types.ts for the words. */

import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { Conflict, Forbidden, NotFound } from '../kernel/errors.ts'
import { openNetworkNamespace } from '../kernel/namespaces.ts'
import { type Undo, undoOnFailure } from '../kernel/undo.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { BackgroundNetlink } from './background-netlink.ts'
import { removeOrphanWires } from './bridge.ts'
import { BridgeIndexes } from './bridge-port.ts'
import { Departures } from './departures.ts'
import { explainSandbox } from './explain.ts'
import type { Firewall } from './firewall.ts'
import type { HostPorts } from './host-ports.ts'
import type { NetworkAddresses } from './ipam.ts'
import { NameService } from './names/service.ts'
import type { StoredNetwork } from './network-store.ts'
import { type PreparedNamespace, PreparedNamespaces } from './prepared-namespaces.ts'
import { Publications } from './publications.ts'
import { reserveEndpoint } from './reserve-endpoint.ts'
import type { SandboxFiles } from './sandbox-files.ts'
import { SandboxRegistry } from './sandbox-registry.ts'
import {
  type Connection,
  connectionsOf,
  isUserNetwork,
  namesOn,
  newState,
  routing,
  type SandboxState,
} from './sandbox-state.ts'
import type { Connections, EndpointRequest, ExplainedNetwork, Sandbox, SandboxRecord, SandboxRequest } from './types.ts'
import {
  type Ground,
  hostInterface,
  moveDefaultRoutes,
  unwireEndpoint,
  type Wirer,
  type WiringOptions,
  wireEndpoint,
} from './wiring.ts'

export interface SandboxSurroundings {
  host: NetlinkSocket
  firewall: Firewall
  hostPorts: HostPorts
  files: SandboxFiles
  findNetwork(ref: string): StoredNetwork
  addressesOf(network: StoredNetwork): NetworkAddresses
}

export class Sandboxes {
  private readonly registry = new SandboxRegistry()
  private readonly names: NameService
  private readonly publications: Publications
  private readonly wirer: Wirer
  private readonly prepared: PreparedNamespaces
  private readonly departures: Departures

  constructor(private readonly around: SandboxSurroundings) {
    const { host, files, hostPorts, firewall } = around
    const background = new BackgroundNetlink()
    this.names = new NameService(files)
    this.publications = new Publications(hostPorts, firewall)
    this.wirer = { host, background, bridges: new BridgeIndexes(host) }
    this.prepared = new PreparedNamespaces(host, (...requests) => background.attempt(...requests))
    this.departures = new Departures(host, background, new BackgroundNetlink())
  }

  get size(): number {
    return this.registry.states.size
  }

  connectedTo(networkId: string): { containerId: string; name: string; endpoint: Connection['endpoint'] }[] {
    return this.registry.membersOf(networkId).flatMap(({ request, connections }) => {
      const found = connections.get(networkId)
      return found ? [{ containerId: request.containerId, name: request.containerName, endpoint: found.endpoint }] : []
    })
  }

  isUsed(networkId: string): boolean {
    return this.registry.isUsed(networkId)
  }

  /** The daemon ends: nothing stays but what running containers have. */
  retire(): void {
    this.prepared.close()
    this.departures.close()
  }

  // --- The life of a sandbox -----------------------------------------------------------------------------------------

  create(request: SandboxRequest): Promise<Sandbox> {
    if (this.registry.states.has(request.containerId))
      throw new Conflict(`container ${request.containerId} has a sandbox already`)
    return undoOnFailure(async undo => {
      const state = this.reserveAddresses(request, undo)
      this.registry.arrive(state)
      undo.defer(() => this.registry.arrived(state))
      // Before anything is made: a port that somebody has is the commonest reason for a start to fail.
      await this.publications.reserve(state, undo)
      const namespace = await this.takeNamespace(state, undo)
      await this.wire(state, namespace, undo)
      this.publications.publish(state)
      undo.defer(() => this.around.firewall.unpublish(request.containerId))
      this.names.serve(state, namespace.netns, namespace.names)
      namespace.names = null
      undo.defer(() => state.names?.close())
      state.files = this.around.files.contents(state, this.registry.states)
      this.registry.add(state)
      this.registry.arrived(state)
      this.refreshFilesOfThoseLinkedTo(request.containerId)
      namespace.guest.close()
      return { netns: namespace.netns, sandboxId: state.sandboxId, ...connectionsOf(state), ...state.files }
    })
  }

  async release(containerId: string): Promise<void> {
    const state = this.registry.states.get(containerId)
    if (!state) return
    const connections = [...state.connections.values()]
    const addresses = connections.map(({ network }) => this.around.addressesOf(network))
    this.registry.delete(state)
    state.names?.close()
    for (const { network } of connections) this.names.strike(network.id, containerId)
    this.publications.unpublish(state)
    // Before its addresses are free for somebody else.
    await this.departures.silence(
      connections.filter(({ network }) => network.driver === 'bridge').map(({ endpoint }) => hostInterface(endpoint)),
    )
    for (const [index, { endpoint }] of connections.entries()) free(addresses[index], endpoint)
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
      // It may have been renamed by a daemon that was killed before it could write that down.
      const known = { ...endpoint, dnsNames: namesOn(network, request, endpoint.aliases) }
      state.connections.set(network.id, { network, endpoint: known })
      this.names.enter(state, { network, endpoint: known })
    }
    this.registry.add(state)
    const netns = openNetworkNamespace(pid)
    try {
      this.names.serve(state, netns)
    } finally {
      closeSync(netns)
    }
    // Last, since somebody else may have taken one. Those that it has, not those that it once asked for.
    await this.publications.restore(state, ports)
  }

  /** When all are restored: what linked containers have in their files depends on the others. */
  restored(): void {
    const { states } = this.registry
    for (const state of states.values()) state.files = this.around.files.contents(state, states)
    const wires = [...states.values()].flatMap(({ connections }) =>
      [...connections.values()].map(({ endpoint }) => hostInterface(endpoint)),
    )
    removeOrphanWires(this.around.host, this.mark, new Set(wires))
  }

  // --- Changes while it runs -----------------------------------------------------------------------------------------

  connect(network: StoredNetwork, containerId: string, request: EndpointRequest, netns: number): Promise<Connections> {
    const state = this.state(containerId)
    if (state.connections.has(network.id))
      throw new Forbidden(`endpoint with name ${state.request.containerName} already exists in network ${network.name}`)
    return undoOnFailure(async undo => {
      const endpoint = reserveEndpoint(state.request, network, request, this.around.addressesOf(network), undo)
      const connection = { network, endpoint }
      this.join(state, connection)
      undo.defer(() => this.leave(state, network))
      using guest = NetlinkSocket.openIn(netns)
      await wireEndpoint(this.wirer, connection, { netns, guest, wire: null }, this.wiringOptions(state))
      undo.defer(() => unwireEndpoint(this.wirer, connection, netns))
      this.names.serve(state, netns)
      await this.publications.republish(state, undo)
      this.refreshFiles(state)
      return connectionsOf(state)
    })
  }

  async disconnect(network: StoredNetwork, containerId: string, netns: number): Promise<Connections> {
    const state = this.state(containerId)
    const connection = state.connections.get(network.id)
    if (!connection) throw new NotFound(`container ${containerId} is not connected to network ${network.name}`)
    const before = routing(state)
    await unwireEndpoint(this.wirer, connection, netns)
    this.leave(state, network)
    free(this.around.addressesOf(network), connection.endpoint)
    moveDefaultRoutes(netns, before, routing(state))
    await this.publications.republish(state, { defer() {} })
    this.refreshFiles(state)
    return connectionsOf(state)
  }

  rename(containerId: string, name: string): Connections | null {
    const state = this.registry.states.get(containerId)
    if (!state) return null
    state.request = { ...state.request, containerName: name }
    for (const { network, endpoint } of [...state.connections.values()]) {
      this.names.strike(network.id, containerId)
      this.join(state, {
        network,
        endpoint: { ...endpoint, dnsNames: namesOn(network, state.request, endpoint.aliases) },
      })
    }
    this.refreshFilesOfThoseLinkedTo(containerId)
    return connectionsOf(state)
  }

  explain(containerId: string, pid: number): ExplainedNetwork | null {
    const state = this.registry.states.get(containerId)
    return state ? explainSandbox(this.around, state, pid) : null
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

  /** One that suits; the first endpoint becomes the one that its wire was made for. */
  private async takeNamespace(state: SandboxState, undo: Undo): Promise<PreparedNamespace> {
    const connections = [...state.connections.values()]
    const [first] = connections
    const namespace = await this.prepared.take({
      wire: first?.network.driver === 'bridge',
      names: connections.some(({ network }) => isUserNetwork(network)),
      userNamespace: state.request.userNamespace,
    })
    undo.defer(() => this.prepared.discard(namespace))
    if (first && namespace.wire) first.endpoint = { ...first.endpoint, endpointId: namespace.endpointId }
    return namespace
  }

  private async wire(state: SandboxState, { netns, guest, wire }: PreparedNamespace, undo: Undo): Promise<void> {
    const options = this.wiringOptions(state)
    for (const [index, connection] of [...state.connections.values()].entries()) {
      const ground: Ground = { netns, guest, wire: index === 0 ? wire : null }
      await wireEndpoint(this.wirer, connection, ground, options)
      undo.defer(() => unwireEndpoint(this.wirer, connection, netns))
      this.names.enter(state, connection)
      undo.defer(() => this.names.strike(connection.network.id, state.request.containerId))
    }
  }

  private wiringOptions(state: SandboxState): WiringOptions {
    const note = `${this.mark}${state.request.containerName}`
    return { routing: routing(state), hairpin: state.reserved.length > 0, note }
  }

  /** What the note at a wire begins with if this instance made it. */
  private get mark(): string {
    return `${this.around.firewall.table} container `
  }

  private join(state: SandboxState, connection: Connection): void {
    this.registry.connect(state, connection)
    this.names.enter(state, connection)
  }

  private leave(state: SandboxState, network: StoredNetwork): void {
    this.registry.disconnect(state, network.id)
    this.names.strike(network.id, state.request.containerId)
  }

  // --- Files -----------------------------------------------------------------------------------------------------------

  private refreshFiles(state: SandboxState): void {
    this.around.files.refresh(state, this.registry.states)
  }

  private refreshFilesOfThoseLinkedTo(containerId: string): void {
    for (const state of this.registry.linkedTo(containerId)) this.refreshFiles(state)
  }

  private state(containerId: string): SandboxState {
    const state = this.registry.states.get(containerId)
    if (!state) throw new Conflict(`container ${containerId} is not running`)
    return state
  }
}

function free(addresses: NetworkAddresses | undefined, { ipAddress, globalIpv6Address }: Connection['endpoint']): void {
  addresses?.release(ipAddress)
  addresses?.release(globalIpv6Address)
}
