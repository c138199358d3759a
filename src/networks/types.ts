/**
 * The vocabulary of networks, and the service that src/containers and src/api talk to.
 *
 * A NETWORK joins containers: a bridge on the host and one or two subnets. An ENDPOINT is one container's place in one network:
 * an address, a MAC, an interface. A SANDBOX is a container's network namespace with the interfaces of all its endpoints;
 * it is held by its processes and by no file, and goes with them. PUBLISHED ports lead from the host's addresses to a sandbox.
 */

declare const brand: unique symbol
/** 64 hexadecimal digits. */
export type NetworkId = string & { readonly [brand]: 'NetworkId' }

export interface PoolConfig {
  /** '172.18.0.0/16' */
  subnet: string
  /** Addresses for containers come from here; '' for the whole subnet. */
  ipRange: string
  gateway: string
  /** Addresses by name that must never be handed out. */
  auxiliary: Record<string, string>
}

export interface NetworkRequest {
  name: string
  driver: string
  internal: boolean
  attachable: boolean
  enableIpv4: boolean
  enableIpv6: boolean
  labels: Record<string, string>
  /** com.docker.network.* and the drivers' own. */
  options: Record<string, string>
  ipam: { driver: string; options: Record<string, string>; config: Partial<PoolConfig>[] }
}

/** A network as inspect shows it. */
export interface Network extends NetworkRequest {
  id: NetworkId
  created: string
  scope: 'local'
  ipam: { driver: string; options: Record<string, string>; config: PoolConfig[] }
  /** By container id. */
  containers: Record<string, { name: string; endpointId: string; mac: string; ipv4: string; ipv6: string }>
}

/** What is known of a network without asking who is in it. */
export type NetworkIdentity = Pick<Network, 'id' | 'name' | 'driver'>

/** What a user may ask of an endpoint. */
export interface EndpointRequest {
  aliases: string[]
  links: string[]
  macAddress: string
  driverOptions: Record<string, string>
  ipv4Address: string
  ipv6Address: string
  linkLocalIps: string[]
}

/** What became of it. Empty strings and zeros while its container does not run. */
export interface Endpoint extends EndpointRequest {
  networkId: string
  endpointId: string
  gateway: string
  ipAddress: string
  ipPrefixLength: number
  ipv6Gateway: string
  globalIpv6Address: string
  globalIpv6PrefixLength: number
  dnsNames: string[]
}

export interface PortBinding {
  hostIp: string
  /** '' for one that the kernel chooses; '8000'; '8000-8010'. */
  hostPort: string
}

/** '80/tcp' → where it is to be published. */
export type PortMap = Record<string, PortBinding[]>

export interface SandboxRequest {
  /** A descriptor of the user namespace that shall own the network namespace; without one it is the daemon's. */
  userNamespace?: number
  containerId: string
  containerName: string
  hostname: string
  domainname: string
  /** By network name or id, in order; the first is asked for the default route. */
  endpoints: Record<string, EndpointRequest>
  /** Ports to publish; null for an exposed one that is not published. */
  ports: Record<string, PortBinding[] | null>
  /** Publish every exposed port that is not in `ports` already. */
  publishAll: boolean
  exposedPorts: string[]
  /** What was published last: where the kernel chooses, these are taken if they are free. */
  preferred?: Record<string, PortBinding[] | null>
  dns: string[]
  dnsOptions: string[]
  dnsSearch: string[]
  /** 'name:address', address may be 'host-gateway'. */
  extraHosts: string[]
  /** On the default bridge: other containers under an alias, with what they are called. */
  links: { containerId: string; alias: string; names: string[] }[]
}

/** Everything a start needs of the network. */
export interface Sandbox {
  /** Descriptor of the network namespace; the caller closes it when the container's process holds it. */
  netns: number
  sandboxId: string
  endpoints: Record<string, Endpoint>
  ports: Record<string, PortBinding[] | null>
  /** What /etc/hosts and /etc/resolv.conf shall hold. */
  hosts: string
  resolvConf: string
}

/** The part of a sandbox that changes while its container runs. */
export type Connections = Pick<Sandbox, 'endpoints' | 'ports'>

/** What a daemon that starts knows of a container that has been running: enough to give every address and port back to it. */
export interface SandboxRecord {
  request: SandboxRequest
  sandboxId: string
  endpoints: Record<string, Endpoint>
  ports: Record<string, PortBinding[] | null>
  /** Its first process, whose network namespace is the sandbox. */
  pid: number
}

export interface NetworkFilters {
  [key: string]: string[]
}

export interface InterfaceCounters {
  rxBytes: number
  rxPackets: number
  rxErrors: number
  rxDropped: number
  txBytes: number
  txPackets: number
  txErrors: number
  txDropped: number
}

/** An interface of a running container, as the kernel shows it. */
export interface ExplainedInterface {
  network: string
  driver: string
  name: string
  index: number
  mac: string
  mtu: number
  /** '172.17.0.2/16' */
  addresses: string[]
  /** The veth pair's other end, on the host; null without one. */
  peer: { name: string; index: number } | null
  /** '' without one. */
  bridge: string
}

/** What somebody would type to make a part of it by hand. NETNS stands for the container's network namespace. */
export interface NetworkCommand {
  where: 'host' | 'container'
  command: string
  why: string
  man: string
}

export interface ExplainedNetwork {
  interfaces: ExplainedInterface[]
  /** As ip-route(8) writes them. */
  routes: string[]
  /** In the order of the making. */
  commands: NetworkCommand[]
}

/**
 * `ref` is a network's name, id, or an unambiguous beginning of an id. The predefined networks `bridge`, `host` and `none`
 * always exist. Methods throw NotFound, Conflict, Forbidden and InvalidParameter with Docker's words.
 */
export interface NetworkService {
  list(filters: NetworkFilters): Promise<Network[]>
  inspect(ref: string): Promise<Network>
  lookUp(ref: string): Promise<NetworkIdentity>
  /** Of a network, by its id; null when it is gone. */
  driverOf(id: string): string | null
  create(request: NetworkRequest): Promise<{ id: NetworkId; warning: string }>
  remove(ref: string): Promise<void>
  prune(filters: NetworkFilters): Promise<string[]>

  /** Before a container is created: do these networks exist and can they give what is asked? @throws as createSandbox would */
  validate(request: SandboxRequest): Promise<void>
  /** Reserves addresses and ports, makes the namespace with its interfaces, publishes. All or nothing. */
  createSandbox(request: SandboxRequest): Promise<Sandbox>
  /** Gives addresses, ports and names back. The namespace itself ended with its processes. Never throws for what is gone already. */
  releaseSandbox(containerId: string): Promise<void>
  /** After a restart of the daemon, for every container that still runs, before anything new is created. */
  restoreSandbox(record: SandboxRecord): Promise<void>

  /** May a container be in this network, with this? For one that does not run. Returns the network. */
  checkEndpoint(ref: string, request: EndpointRequest): Promise<NetworkIdentity>
  /** Live: `netns` is a descriptor of the sandbox's namespace, which the caller closes. Returns all connections as they are then. */
  connect(ref: string, containerId: string, request: EndpointRequest, netns: number): Promise<Connections>
  disconnect(ref: string, containerId: string, netns: number): Promise<Connections>
  /** A running container's name changed: DNS and hosts follow. null: it has no sandbox. */
  rename(containerId: string, name: string): Promise<Connections | null>

  /** What the container has of the network, from the kernel; null: it has no sandbox, since it does not run. */
  explain(containerId: string, pid: number): Promise<ExplainedNetwork | null>

  /** Counters of the interfaces in a process's network namespace, by interface name ('eth0'). */
  counters(pid: number): Promise<Record<string, InterfaceCounters>>
}
