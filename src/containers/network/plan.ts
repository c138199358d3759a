/** Which networks a container is in, checked when it is created; nothing is reserved before its start. */

import { InvalidParameter, NotFound } from '../../kernel/errors.ts'
import type { SandboxRequest } from '../../networks/types.ts'
import type { Context } from '../context.ts'
import { userNamespaceOf } from '../spec/user-namespace.ts'
import type { ConfigRecord, StateRecord } from '../store/record.ts'
import type { Endpoint, EndpointConfig } from '../types.ts'
import { checkLinks, linkedTo } from './links.ts'

export type NetworkParts = Pick<ConfigRecord, 'id' | 'name' | 'config' | 'hostConfig' | 'endpoints'>

export interface NetworkPlan {
  /** Every network that the container is to be in, by name or id, with what was asked for there. */
  endpoints: Record<string, EndpointConfig>
  initial: StateRecord['network']
  warnings: string[]
}

/** Modes that need no bridge: nothing is made for them in src/networks. */
export const isPlain = (mode: string): boolean => mode === 'host' || mode === 'none' || mode.startsWith('container:')

export const EMPTY_ENDPOINT: EndpointConfig = {
  aliases: [],
  links: [],
  macAddress: '',
  driverOptions: {},
  ipv4Address: '',
  ipv6Address: '',
  linkLocalIps: [],
}

/** @throws InvalidParameter, Conflict, NotFound for a container that is linked to and is not there */
export async function planNetwork(context: Context, asked: NetworkParts): Promise<NetworkPlan> {
  const { networks } = context.rooms
  const mode = asked.hostConfig.networkMode
  checkLinks(context, asked)
  const endpoints = allEndpoints(asked)
  const parts = { ...asked, endpoints }
  const initial = { sandboxId: '', endpoints: await emptyEndpoints(context, parts), ports: {} }
  if (isPlain(mode)) {
    const other = Object.keys(endpoints).find(ref => ref !== mode)
    if (other !== undefined) {
      throw new InvalidParameter(`conflicting options: container cannot be in network ${other} and in ${mode} mode`)
    }
    return { endpoints, initial, warnings: publishWarning(parts) }
  }
  if (networks !== null) {
    await ifThere(networks.validate(sandboxRequest(context, parts)))
    return { endpoints, initial, warnings: [] }
  }
  if (mode !== 'bridge')
    throw new InvalidParameter(`network ${mode} not found: this skiff has no user-defined networks`)
  return {
    endpoints,
    initial,
    warnings: ['The bridge network is not available here: the container has a network of its own with loopback only.'],
  }
}

function publishWarning({ hostConfig }: NetworkParts): string[] {
  const publishes = Object.keys(hostConfig.portBindings).length > 0
  return publishes && hostConfig.networkMode === 'host'
    ? ['Published ports are discarded when using host network mode']
    : []
}

/** The network of the mode first: it gets the default route. */
function allEndpoints({ config, endpoints, hostConfig: { networkMode } }: NetworkParts): NetworkParts['endpoints'] {
  if (networkMode.startsWith('container:')) return endpoints
  const { default: byDefault, [networkMode]: byName, ...others } = endpoints
  const first = byName ?? byDefault ?? EMPTY_ENDPOINT
  // Before API 1.44 the address of the only interface was the container's.
  return { [networkMode]: { ...first, macAddress: first.macAddress || config.macAddress }, ...others }
}

export function sandboxRequest(context: Context, parts: NetworkParts): SandboxRequest {
  const { id, name, config, hostConfig, endpoints } = parts
  const userNamespace = userNamespaceOf(context.defaults, hostConfig)
  return {
    ...(userNamespace && { userNamespace: userNamespace.fd }),
    containerId: id,
    containerName: name,
    hostname: config.hostname,
    domainname: config.domainname,
    endpoints,
    ports: hostConfig.portBindings,
    publishAll: hostConfig.publishAllPorts,
    exposedPorts: config.exposedPorts,
    dns: hostConfig.dns,
    dnsOptions: hostConfig.dnsOptions,
    dnsSearch: hostConfig.dnsSearch,
    extraHosts: hostConfig.extraHosts,
    links: linkedTo(context, parts).map(({ target, alias }) => ({
      containerId: target.id,
      alias,
      names: [target.config.config.hostname, target.config.name],
    })),
  }
}

/**
 * As Docker, the start says that a network is not there: until then it can be made. A client that is told so at the creation takes
 * it for a missing image, and pulls that.
 */
async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}

/** What inspect shows of a container that does not run. */
async function emptyEndpoints(context: Context, parts: NetworkParts): Promise<Record<string, Endpoint>> {
  if (parts.hostConfig.networkMode.startsWith('container:')) return {}
  const { networks } = context.rooms
  const entries = Object.entries(parts.endpoints).map(async ([ref, endpoint]) => {
    const network = (networks && (await ifThere(networks.lookUp(ref)))) ?? { id: '', name: ref }
    return [network.name, idleEndpoint(network.id, endpoint)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

export const idleEndpoint = (networkId: string, asked: EndpointConfig): Endpoint => ({
  ...asked,
  networkId,
  endpointId: '',
  gateway: '',
  ipAddress: '',
  ipPrefixLength: 0,
  ipv6Gateway: '',
  globalIpv6Address: '',
  globalIpv6PrefixLength: 0,
  dnsNames: [],
})
