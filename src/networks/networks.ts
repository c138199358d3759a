/** The network service: the networks that exist, and the sandboxes connected to them. Contract: types.ts. */

import { mkdir } from 'node:fs/promises'
import { Forbidden } from '../kernel/errors.ts'
import type { Salvage } from '../kernel/salvage.ts'
import { listLinks } from '../netlink/link.ts'
import { listRoutes } from '../netlink/route.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { removeOrphans } from './bridge.ts'
import { countersOf } from './counters.ts'
import { type DefaultBridge, predefinedNetworks } from './default-networks.ts'
import { BRIDGE_OPTION, isOff } from './driver-options.ts'
import type { ResolvConf } from './etc-files.ts'
import { Firewall } from './firewall.ts'
import type { FirewallNetwork } from './firewall-rules.ts'
import { ensureHostLink, hostLinkName, removeHostLink, restoreHostLink } from './host-links.ts'
import { HostPorts } from './host-ports.ts'
import { NetworkAddresses } from './ipam.ts'
import { matchesFilters } from './network-filters.ts'
import { NetworkStore, type StoredNetwork } from './network-store.ts'
import { bridgeName, checkBridgeName, PREDEFINED, planNetwork } from './plan-network.ts'
import { wantedPorts } from './publish.ts'
import { type FileChange, SandboxFiles } from './sandbox-files.ts'
import { Sandboxes } from './sandboxes.ts'
import { Subnet } from './subnet.ts'
import type { DefaultPool } from './subnet-choice.ts'
import type {
  Connections,
  EndpointRequest,
  ExplainedNetwork,
  InterfaceCounters,
  Network,
  NetworkFilters,
  NetworkId,
  NetworkIdentity,
  NetworkRequest,
  NetworkService,
  Sandbox,
  SandboxRecord,
  SandboxRequest,
} from './types.ts'
import { validateEndpoint, validateSandbox } from './validate-sandbox.ts'

export interface NetworksOptions {
  /** Folder for the networks' state. */
  folder: string
  /** null: no default bridge at all (`--bridge none`). */
  defaultBridge: DefaultBridge | null
  pools: readonly DefaultPool[]
  /** What no rule can translate to a container is copied to it. */
  forwards: boolean
  /** nftables table of this daemon instance. */
  table: string
  resolvConfPath: string
  dns: ResolvConf
  /** What 'host-gateway' stands for; '' for the default bridge's own address. */
  hostGateway: string
  /** Who is told of what is damaged. */
  salvage: Salvage
  /** A running container's /etc/hosts or /etc/resolv.conf is not right any more. */
  onFilesChanged(containerId: string, change: FileChange): void
}

export class Networks implements NetworkService {
  private readonly host = NetlinkSocket.open()
  private readonly firewall: Firewall
  private readonly sandboxes: Sandboxes
  private readonly addresses = new Map<string, NetworkAddresses>()

  private constructor(
    private readonly store: NetworkStore,
    private readonly options: NetworksOptions,
  ) {
    this.firewall = new Firewall(options.table)
    this.sandboxes = new Sandboxes({
      host: this.host,
      firewall: this.firewall,
      hostPorts: new HostPorts(options),
      files: new SandboxFiles({
        ...options,
        defaults: options.dns,
        hostGateway: () => options.hostGateway || store.named('bridge')?.ipam.config[0]?.gateway || '',
      }),
      findNetwork: ref => store.find(ref),
      addressesOf: network => this.addressesOf(network),
    })
  }

  /** Reads the networks and brings bridges back; the firewall follows with settle(), when all sandboxes are restored. */
  static async open(options: NetworksOptions): Promise<Networks> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 })
    const store = await NetworkStore.open(options.folder, options.salvage)
    const networks = new Networks(store, options)
    for (const network of predefinedNetworks(
      options.defaultBridge,
      store.all(),
      networks.hostSubnets(),
      options.pools,
    )) {
      if (store.named(network.name)) await store.remove(store.named(network.name)!.id)
      await store.add(network)
    }
    for (const network of store.all()) {
      await restoreHostLink(networks.host, network, networks.mark)
      if (network.driver === 'bridge') networks.firewall.note(firewallNetwork(network))
    }
    removeOrphans(networks.host, networks.mark, store.all().map(hostLinkName))
    return networks
  }

  /** Writes the firewall's table, after the last restoreSandbox. Returns chains of others that would drop what is forwarded. */
  settle(): string[] {
    this.sandboxes.restored()
    this.firewall.reconcile()
    return this.firewall.foreignForwardDrops()
  }

  /**
   * The daemon ends. Where containers go on without it, their bridges and rules do too; when none runs, nothing stays on the host,
   * and a next daemon makes all of it anew.
   */
  retire(): void {
    this.sandboxes.retire()
    if (this.sandboxes.size > 0) return
    for (const network of this.store.all()) removeHostLink(this.host, network, this.mark, [])
    this.firewall.remove()
  }

  // --- Networks --------------------------------------------------------------------------------------------------------

  async list(filters: NetworkFilters): Promise<Network[]> {
    return this.store
      .all()
      .map(network => this.describe(network))
      .filter(network => matchesFilters(network, filters))
  }

  async inspect(ref: string): Promise<Network> {
    return this.describe(this.store.find(ref))
  }

  async lookUp(ref: string): Promise<NetworkIdentity> {
    return identityOf(this.store.find(ref))
  }

  driverOf(id: string): string | null {
    return this.store.get(id)?.driver ?? null
  }

  async create(request: NetworkRequest): Promise<{ id: NetworkId; warning: string }> {
    const around = { networks: this.store.all(), hostSubnets: this.hostSubnets(), pools: this.options.pools }
    const network = planNetwork(request, around)
    checkBridgeName(network, around.networks)
    await this.store.add(network)
    try {
      await ensureHostLink(this.host, network, this.mark)
      if (network.driver === 'bridge') this.firewall.addNetwork(firewallNetwork(network))
    } catch (error) {
      removeHostLink(this.host, network, this.mark, this.store.all())
      await this.store.remove(network.id)
      throw error
    }
    return { id: network.id, warning: '' }
  }

  async remove(ref: string): Promise<void> {
    const network = this.store.find(ref)
    if (PREDEFINED.includes(network.name))
      throw new Forbidden(`${network.name} is a pre-defined network and cannot be removed`)
    if (this.sandboxes.isUsed(network.id))
      throw new Forbidden(`error while removing network: network ${network.name} id ${network.id} has active endpoints`)
    // The file last: a removal that is cut off leaves a network whose bridge the next daemon makes again.
    removeHostLink(this.host, network, this.mark, this.store.all())
    this.firewall.removeNetwork(bridgeName(network))
    this.addresses.delete(network.id)
    await this.store.remove(network.id)
  }

  async prune(filters: NetworkFilters): Promise<string[]> {
    const removed: string[] = []
    for (const network of await this.list(filters)) {
      if (PREDEFINED.includes(network.name) || this.sandboxes.isUsed(network.id)) continue
      await this.remove(network.id)
      removed.push(network.name)
    }
    return removed
  }

  // --- Sandboxes -------------------------------------------------------------------------------------------------------

  async validate(request: SandboxRequest): Promise<void> {
    validateSandbox(request, ref => this.store.find(ref))
    wantedPorts(request)
  }

  async createSandbox(request: SandboxRequest): Promise<Sandbox> {
    validateSandbox(request, ref => this.store.find(ref))
    return this.sandboxes.create(request)
  }

  async releaseSandbox(containerId: string): Promise<void> {
    await this.sandboxes.release(containerId)
  }

  async restoreSandbox(record: SandboxRecord): Promise<void> {
    await this.sandboxes.restore(record)
  }

  async checkEndpoint(ref: string, request: EndpointRequest): Promise<NetworkIdentity> {
    const network = this.store.find(ref)
    validateEndpoint(network, request)
    return identityOf(network)
  }

  async connect(ref: string, containerId: string, request: EndpointRequest, netns: number): Promise<Connections> {
    const network = this.store.find(ref)
    validateEndpoint(network, request)
    return this.sandboxes.connect(network, containerId, request, netns)
  }

  async disconnect(ref: string, containerId: string, netns: number): Promise<Connections> {
    return this.sandboxes.disconnect(this.store.find(ref), containerId, netns)
  }

  async rename(containerId: string, name: string): Promise<Connections | null> {
    return this.sandboxes.rename(containerId, name)
  }

  async explain(containerId: string, pid: number): Promise<ExplainedNetwork | null> {
    return this.sandboxes.explain(containerId, pid)
  }

  async counters(pid: number): Promise<Record<string, InterfaceCounters>> {
    return countersOf(pid)
  }

  // --- Pieces ----------------------------------------------------------------------------------------------------------

  /** What the note at a bridge, or at a macvlan's parent, begins with if this instance made it. */
  private get mark(): string {
    return `${this.options.table} network `
  }

  private addressesOf(network: StoredNetwork): NetworkAddresses {
    const known = this.addresses.get(network.id) ?? new NetworkAddresses(network.ipam.config)
    this.addresses.set(network.id, known)
    return known
  }

  private describe(network: StoredNetwork): Network {
    const connected = this.sandboxes.connectedTo(network.id).map(({ containerId, name, endpoint }) => [
      containerId,
      {
        name,
        endpointId: endpoint.endpointId,
        mac: endpoint.macAddress,
        ipv4: endpoint.ipAddress && `${endpoint.ipAddress}/${endpoint.ipPrefixLength}`,
        ipv6: endpoint.globalIpv6Address && `${endpoint.globalIpv6Address}/${endpoint.globalIpv6PrefixLength}`,
      },
    ])
    const { configuredSubnets: _, ...shown } = network
    return { ...shown, containers: Object.fromEntries(connected) }
  }

  /** Subnets that the host reaches by itself, skiff's own bridges left out: a new network must not hide them. */
  private hostSubnets(): Subnet[] {
    const own = new Set(this.store.all().map(bridgeName))
    const foreign = new Set(
      listLinks(this.host)
        .filter(link => !own.has(link.name))
        .map(link => link.index),
    )
    return listRoutes(this.host)
      .filter(route => route.destination !== 'default' && foreign.has(route.index))
      .map(route => Subnet.parse(route.destination))
  }
}

const identityOf = ({ id, name, driver }: StoredNetwork): NetworkIdentity => ({ id, name, driver })

const firewallNetwork = (network: StoredNetwork): FirewallNetwork => {
  const subnets = network.ipam.config.map(config => config.subnet)
  return {
    bridge: bridgeName(network),
    subnets4: subnets.filter(subnet => !subnet.includes(':')),
    subnets6: subnets.filter(subnet => subnet.includes(':')),
    internal: network.internal,
    masquerade: !isOff(network, BRIDGE_OPTION.MASQUERADE),
  }
}
