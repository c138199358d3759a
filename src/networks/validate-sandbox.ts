/** What a container asks of its networks, checked before anything is made. Docker's words. */

import { isIPv4, isIPv6 } from 'node:net'
import { InvalidParameter } from '../kernel/errors.ts'
import { extraHost } from './etc-files.ts'
import { parsePort, parsePortRange } from './host-ports.ts'
import type { StoredNetwork } from './network-store.ts'
import { isUserNetwork } from './sandbox-state.ts'
import { addressToNumber, Subnet } from './subnet.ts'
import type { EndpointRequest, SandboxRequest } from './types.ts'

/** @throws NotFound, InvalidParameter, NotImplemented */
export function validateSandbox(request: SandboxRequest, findNetwork: (ref: string) => StoredNetwork): void {
  for (const [ref, endpoint] of Object.entries(request.endpoints)) validateEndpoint(findNetwork(ref), endpoint)
  for (const text of request.extraHosts) extraHost(text, '0.0.0.0')
  for (const [port, bindings] of Object.entries(request.ports)) {
    parsePort(port)
    for (const { hostIp, hostPort } of bindings ?? []) {
      parsePortRange(hostPort)
      const address = hostIp.replace(/^\[|\]$/g, '')
      if (address !== '' && !isIPv4(address) && !isIPv6(address))
        throw new InvalidParameter(`invalid IP address: ${hostIp}`)
    }
  }
}

/** @throws InvalidParameter */
export function validateEndpoint(
  network: StoredNetwork,
  { ipv4Address, ipv6Address, aliases, macAddress }: EndpointRequest,
): void {
  if (network.driver === 'host' || network.driver === 'null')
    throw new InvalidParameter(`conflicting options: a container in network ${network.name} cannot be in others`)
  if (!isUserNetwork(network)) {
    if (ipv4Address !== '' || ipv6Address !== '')
      throw new InvalidParameter('user specified IP address is supported on user defined networks only')
    if (aliases.length > 0)
      throw new InvalidParameter('network-scoped alias is supported only for containers in user defined networks')
  }
  if ((ipv4Address !== '' || ipv6Address !== '') && !network.configuredSubnets)
    throw new InvalidParameter(
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    )
  for (const [address, isValid, family] of [
    [ipv4Address, isIPv4, 'IPv4'],
    [ipv6Address, isIPv6, 'IPv6'],
  ] as const) {
    if (address === '') continue
    if (!isValid(address)) throw new InvalidParameter(`invalid ${family} address: ${address}`)
    const isInside = network.ipam.config.some(({ subnet }) => {
      const parsed = Subnet.parse(subnet)
      return `IPv${parsed.family}` === family && parsed.contains(addressToNumber(address))
    })
    if (!isInside)
      throw new InvalidParameter(
        `invalid config for network ${network.name}: invalid endpoint settings:\nno configured subnet contains IP address ${address}`,
      )
  }
  if (macAddress !== '' && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(macAddress))
    throw new InvalidParameter(`${macAddress} is not a valid mac address`)
}
