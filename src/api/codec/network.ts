/** Networks. Engine API reference, "Network". */

import type { Network, NetworkRequest, PoolConfig } from '../../networks/types.ts'
import { bool, list, map, mapped, nullable, text } from './schema.ts'
import { field, omitEmpty, Struct } from './struct.ts'

const pool = new Struct<PoolConfig>('network.IPAMConfig', {
  subnet: omitEmpty('Subnet', text),
  ipRange: omitEmpty('IPRange', text),
  gateway: omitEmpty('Gateway', text),
  auxiliary: omitEmpty('AuxiliaryAddresses', map(text)),
})

const ipam = new Struct<Network['ipam']>('network.IPAM', {
  driver: field('Driver', text),
  options: field('Options', map(text, 'map[string]string', null)),
  config: field('Config', list(pool, '[]network.IPAMConfig', [])),
})

interface CreateBody {
  name: string
  driver: string
  scope: string
  internal: boolean
  attachable: boolean
  ingress: boolean
  configOnly: boolean
  configFrom: { network: string } | null
  enableIpv4: boolean | null
  enableIpv6: boolean | null
  ipam: Network['ipam'] | null
  options: Record<string, string>
  labels: Record<string, string>
}

const configReference = new Struct<{ network: string }>('network.ConfigReference', { network: field('Network', text) })

const createBody = new Struct<CreateBody>('types.NetworkCreateRequest', {
  name: field('Name', text),
  driver: field('Driver', text),
  scope: field('Scope', text),
  internal: field('Internal', bool),
  attachable: field('Attachable', bool),
  ingress: field('Ingress', bool),
  configOnly: field('ConfigOnly', bool),
  configFrom: field('ConfigFrom', nullable(configReference)),
  enableIpv4: field('EnableIPv4', nullable(bool)),
  enableIpv6: field('EnableIPv6', nullable(bool)),
  ipam: field('IPAM', nullable(ipam)),
  options: field('Options', map(text)),
  labels: field('Labels', map(text)),
})

export interface NetworkCreation {
  request: NetworkRequest
  /** Of swarms: 'swarm' scope and ingress networks do not exist outside one. */
  swarmOnly: boolean
  configOnly: boolean
  /** The network whose configuration it shall have; '' for its own. */
  configFrom: string
}

export const networkCreation = mapped<CreateBody, NetworkCreation>(
  createBody,
  body => ({
    request: {
      name: body.name,
      driver: body.driver,
      internal: body.internal,
      attachable: body.attachable,
      enableIpv4: body.enableIpv4 ?? true,
      enableIpv6: body.enableIpv6 ?? false,
      labels: body.labels,
      options: body.options,
      ipam: body.ipam ?? ipam.zero(),
    },
    configOnly: body.configOnly,
    configFrom: body.configFrom?.network ?? '',
    swarmOnly: body.ingress || (body.scope !== '' && body.scope !== 'local'),
  }),
  () => createBody.zero(),
)

export const encodeNetwork = (network: Network, containers: boolean) => ({
  Name: network.name,
  Id: network.id,
  Created: network.created,
  Scope: network.scope,
  Driver: network.driver,
  EnableIPv4: network.enableIpv4,
  EnableIPv6: network.enableIpv6,
  IPAM: ipam.encode(network.ipam),
  Internal: network.internal,
  Attachable: network.attachable,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Containers: containers ? encodeContainers(network) : {},
  Options: network.options,
  Labels: network.labels,
})

const encodeContainers = ({ containers }: Network) =>
  Object.fromEntries(
    Object.entries(containers).map(([id, { name, endpointId, mac, ipv4, ipv6 }]) => [
      id,
      { Name: name, EndpointID: endpointId, MacAddress: mac, IPv4Address: ipv4, IPv6Address: ipv6 },
    ]),
  )
