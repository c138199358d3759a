/** skiff network create: a network of one's own. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { keyValues } from '../create/environment.ts'
import { ipamConfig } from '../networks/ipam-config.ts'
import { bool, list, map, string, strings } from '../parse/flag.ts'

export const createNetwork = command({
  usage: '[OPTIONS] NETWORK',
  arity: [1, 1],
  flags: {
    attachable: bool('Let containers be attached by hand'),
    'aux-address': map('Address that the driver uses for something else: name=address'),
    'config-from': string('Network whose configuration is copied'),
    'config-only': bool('A configuration for other networks only'),
    driver: string('Driver of the network', { short: 'd', initial: 'bridge' }),
    gateway: strings('Gateway of a subnet, IPv4 or IPv6'),
    ingress: bool('For the routing of a swarm'),
    internal: bool('No way to the outside'),
    'ip-range': strings('Part of a subnet that containers get addresses from'),
    'ipam-driver': string('Driver that manages addresses', { initial: 'default' }),
    'ipam-opt': map('Option of the driver that manages addresses'),
    ipv4: bool('Assign IPv4 addresses', { initial: true }),
    ipv6: bool('Assign IPv6 addresses'),
    label: list('Set a label'),
    opt: map('Option of the driver', { short: 'o' }),
    scope: string('Scope of the network'),
    subnet: strings('Subnet: 10.1.0.0/16'),
  },
  async run({ session, engine, options, args, given }) {
    const { Id, Warning } = await engine.post<{ Id: string; Warning?: string }>(
      '/networks/create',
      {},
      {
        Name: args[0],
        Driver: options.driver,
        Scope: options.scope,
        IPAM: {
          Driver: options['ipam-driver'],
          Options: options['ipam-opt'],
          Config: ipamConfig({
            subnets: options.subnet,
            ranges: options['ip-range'],
            gateways: options.gateway,
            auxiliary: options['aux-address'],
          }),
        },
        Internal: options.internal,
        ...(given.has('ipv4') && { EnableIPv4: options.ipv4 }),
        ...(given.has('ipv6') && { EnableIPv6: options.ipv6 }),
        Attachable: options.attachable,
        Ingress: options.ingress,
        ConfigOnly: options['config-only'],
        ...(options['config-from'] && { ConfigFrom: { Network: options['config-from'] } }),
        Options: options.opt,
        Labels: keyValues(options.label),
        CheckDuplicate: true,
      },
    )
    if (Warning) await write(session.stderr, `WARNING: ${Warning}\n`)
    await write(session.stdout, `${Id}\n`)
  },
})
