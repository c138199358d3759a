/** skiff network connect: a container, running or not, joins a network. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { keyValues } from '../create/environment.ts'
import { endpoint, NO_OLD_FLAGS } from '../create/network.ts'
import { int, list, string, strings } from '../parse/flag.ts'

export const connect = command({
  usage: '[OPTIONS] NETWORK CONTAINER',
  arity: [2, 2],
  flags: {
    alias: strings('Further name of the container in the network'),
    'driver-opt': strings('Option of the driver: name=value'),
    'gw-priority': int('The network with the highest gives the default gateway'),
    ip: string('IPv4 address: 172.30.100.104'),
    ip6: string('IPv6 address: 2001:db8::33'),
    link: list('Link to another container: name[:alias]'),
    'link-local-ip': strings('Link-local address'),
  },
  async run({ engine, options, args }) {
    const [network = '', container = ''] = args
    const EndpointConfig = endpoint({
      ...NO_OLD_FLAGS,
      aliases: options.alias,
      driverOpts: keyValues(options['driver-opt']),
      gwPriority: options['gw-priority'],
      ip: options.ip,
      ip6: options.ip6,
      links: options.link,
      linkLocalIps: options['link-local-ip'],
    })
    await engine.post(`/networks/${segment(network)}/connect`, {}, { Container: container, EndpointConfig })
  },
})
