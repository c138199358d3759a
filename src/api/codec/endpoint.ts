/** A container's place in a network. Engine API reference, "EndpointSettings". */

import type { Endpoint, EndpointConfig } from '../../containers/types.ts'
import { bool, int, list, map, mapped, nullable, text } from './schema.ts'
import { field, omitEmpty, Struct } from './struct.ts'

interface IpamConfig {
  ipv4Address: string
  ipv6Address: string
  linkLocalIps: string[]
}

const ipamConfig = new Struct<IpamConfig>('network.EndpointIPAMConfig', {
  ipv4Address: omitEmpty('IPv4Address', text),
  ipv6Address: omitEmpty('IPv6Address', text),
  linkLocalIps: omitEmpty('LinkLocalIPs', list(text)),
})

type Settings = Omit<Endpoint, keyof IpamConfig> & { ipam: IpamConfig | null }

const settings = new Struct<Settings>('network.EndpointSettings', {
  ipam: field('IPAMConfig', nullable(ipamConfig)),
  links: field('Links', list(text)),
  aliases: field('Aliases', list(text)),
  macAddress: field('MacAddress', text),
  driverOptions: field('DriverOpts', map(text, 'map[string]string', null)),
  networkId: field('NetworkID', text),
  endpointId: field('EndpointID', text),
  gateway: field('Gateway', text),
  ipAddress: field('IPAddress', text),
  ipPrefixLength: field('IPPrefixLen', int),
  ipv6Gateway: field('IPv6Gateway', text),
  globalIpv6Address: field('GlobalIPv6Address', text),
  globalIpv6PrefixLength: field('GlobalIPv6PrefixLen', int),
  dnsNames: field('DNSNames', list(text)),
})

/** As inspect shows it; of what a client sends, only the EndpointConfig in it counts. */
export const endpoint = mapped<Settings, Endpoint>(
  settings,
  ({ ipam, ...rest }) => ({ ...rest, ...(ipam ?? ipamConfig.zero()) }),
  ({ ipv4Address, ipv6Address, linkLocalIps, ...rest }) => {
    const asked = ipv4Address !== '' || ipv6Address !== '' || linkLocalIps.length > 0
    return { ...rest, ipam: asked ? { ipv4Address, ipv6Address, linkLocalIps } : null }
  },
)

const endpoints = map(endpoint, 'map[string]*network.EndpointSettings')

export const networkingConfig = new Struct<{ endpoints: Record<string, EndpointConfig> }>('network.NetworkingConfig', {
  endpoints: field(
    'EndpointsConfig',
    mapped<Record<string, Endpoint>, Record<string, EndpointConfig>>(
      endpoints,
      all => Object.fromEntries(Object.entries(all).map(([name, value]) => [name, asked(value)])),
      () => ({}),
    ),
  ),
})

function asked(value: Endpoint): EndpointConfig {
  const { aliases, links, macAddress, driverOptions, ipv4Address, ipv6Address, linkLocalIps } = value
  return { aliases, links, macAddress, driverOptions, ipv4Address, ipv6Address, linkLocalIps }
}

interface ConnectBody {
  container: string
  config: Endpoint | null
}

const connectBody = new Struct<ConnectBody>('types.NetworkConnect', {
  container: field('Container', text),
  config: field('EndpointConfig', nullable(endpoint)),
})

/** POST /networks/ID/connect */
export const connection = mapped<ConnectBody, { container: string; endpoint: EndpointConfig }>(
  connectBody,
  ({ container, config }) => ({ container, endpoint: asked(config ?? endpoint.zero()) }),
  () => connectBody.zero(),
)

/** POST /networks/ID/disconnect */
export const disconnection = new Struct<{ container: string; force: boolean }>('types.NetworkDisconnect', {
  container: field('Container', text),
  force: field('Force', bool),
})
