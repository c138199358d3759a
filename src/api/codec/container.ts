/** A container as inspect and list show it. Engine API reference, "ContainerInspect" and "ContainerSummary". */

import type { Container, ContainerSizes, MountPoint, NetworkSettings } from '../../containers/types.ts'
import { containerConfig } from './container-config.ts'
import { describeState, encodeState } from './container-state.ts'
import { endpoint } from './endpoint.ts'
import { hostConfig } from './host-config.ts'

const encodeMount = (mount: MountPoint) => ({
  Type: mount.type,
  ...(mount.name && { Name: mount.name }),
  Source: mount.source,
  Destination: mount.destination,
  ...(mount.driver && { Driver: mount.driver }),
  Mode: mount.mode,
  RW: mount.rw,
  Propagation: mount.propagation,
})

/** They are the larger part of a list, and new ones only when a container is started, ended or connected. */
const encodedNetworks = new WeakMap<NetworkSettings['networks'], object>()

function encodeNetworks({ networks }: NetworkSettings): object {
  const known = encodedNetworks.get(networks)
  if (known !== undefined) return known
  const encoded = Object.fromEntries(Object.entries(networks).map(([name, value]) => [name, endpoint.encode(value)]))
  encodedNetworks.set(networks, encoded)
  return encoded
}

const encodeBindings = ({ ports }: NetworkSettings) =>
  Object.fromEntries(
    Object.entries(ports).map(([port, bindings]) => [
      port,
      bindings?.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: hostPort })) ?? null,
    ]),
  )

/** The flat fields repeat the default network's endpoint, as they did before there were several networks. */
function encodeNetworkSettings(settings: NetworkSettings) {
  const main = settings.networks.bridge
  return {
    Bridge: '',
    SandboxID: settings.sandboxId,
    SandboxKey: settings.sandboxKey,
    Ports: encodeBindings(settings),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.endpointId ?? '',
    Gateway: main?.gateway ?? '',
    GlobalIPv6Address: main?.globalIpv6Address ?? '',
    GlobalIPv6PrefixLen: main?.globalIpv6PrefixLength ?? 0,
    IPAddress: main?.ipAddress ?? '',
    IPPrefixLen: main?.ipPrefixLength ?? 0,
    IPv6Gateway: main?.ipv6Gateway ?? '',
    MacAddress: main?.macAddress ?? '',
    Networks: encodeNetworks(settings),
  }
}

/** Of Windows: always there, always nothing. */
const FOREIGN_LIMITS = { CpuCount: 0, CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 }

const encodeSizes = (sizes: ContainerSizes | null) =>
  sizes ? { SizeRw: sizes.writable, SizeRootFs: sizes.rootfs } : {}

export const encodeContainer = (container: Container, sizes: ContainerSizes | null) => ({
  Id: container.id,
  Created: container.created,
  Path: container.path,
  Args: container.args,
  State: encodeState(container.state),
  Image: container.imageId,
  ResolvConfPath: container.resolvConfPath,
  HostnamePath: container.hostnamePath,
  HostsPath: container.hostsPath,
  LogPath: container.logPath,
  Name: `/${container.name}`,
  RestartCount: container.restartCount,
  Driver: container.graphDriver.name,
  Platform: container.platform,
  MountLabel: container.mountLabel,
  ProcessLabel: container.processLabel,
  AppArmorProfile: container.appArmorProfile,
  ExecIDs: container.execIds.length > 0 ? container.execIds : null,
  HostConfig: { ...hostConfig.encode(container.hostConfig), ...FOREIGN_LIMITS },
  GraphDriver: { Data: container.graphDriver.data, Name: container.graphDriver.name },
  ...encodeSizes(sizes),
  Mounts: container.mounts.map(encodeMount),
  Config: containerConfig.encode(container.config),
  NetworkSettings: encodeNetworkSettings(container.networkSettings),
})

/** Words with a space in them are quoted, and nothing else is: this is for people. */
const commandLine = (path: string, args: string[]): string =>
  [path, ...args.map(arg => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ')

function* publishedPorts({ ports }: NetworkSettings) {
  for (const [port, bindings] of Object.entries(ports)) {
    const [number = '', Type = 'tcp'] = port.split('/')
    const PrivatePort = Number(number)
    if (!bindings?.length) yield { PrivatePort, Type }
    for (const { hostIp, hostPort } of bindings ?? [])
      yield { IP: hostIp, PrivatePort, PublicPort: Number(hostPort), Type }
  }
}

/** `image`: what the container's image is called now. */
export const encodeSummary = (container: Container, sizes: ContainerSizes | null, image: string) => ({
  Id: container.id,
  Names: [container.name, ...container.linkNames].map(name => `/${name}`),
  Image: image,
  ImageID: container.imageId,
  Command: commandLine(container.path, container.args),
  Created: Math.floor(Date.parse(container.created) / 1000),
  Ports: [...publishedPorts(container.networkSettings)],
  ...encodeSizes(sizes),
  Labels: container.config.labels,
  State: container.state.status,
  Status: describeState(container.state),
  HostConfig: {
    NetworkMode: container.hostConfig.networkMode,
    ...(Object.keys(container.hostConfig.annotations).length > 0 && { Annotations: container.hostConfig.annotations }),
  },
  NetworkSettings: { Networks: encodeNetworks(container.networkSettings) },
  Mounts: container.mounts.map(encodeMount),
})
