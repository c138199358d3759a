/**
 * `skiff explain`, the network's part: what stands in the kernel for one container, read from the kernel itself, and the commands of
 * ip(8), bridge(8) and nft(8) that would make the same by hand. What a container that does not run will get is not known before.
 */

import { closeSync } from 'node:fs'
import { openNetworkNamespace } from '../kernel/namespaces.ts'
import { listAddresses } from '../netlink/address.ts'
import { getLink, type Link, listLinks } from '../netlink/link.ts'
import { listRoutes } from '../netlink/route.ts'
import { NetlinkSocket } from '../netlink/socket.ts'
import { BRIDGE_OPTION, isOff, MACVLAN_OPTION } from './driver-options.ts'
import type { Firewall } from './firewall.ts'
import type { FirewallRule } from './firewall-rules.ts'
import { parentCommands, parentName } from './macvlan-parent.ts'
import { NAME_SERVER } from './names/sockets.ts'
import { bridgeName } from './plan-network.ts'
import type { Connection, SandboxState } from './sandbox-state.ts'
import type { ExplainedInterface, ExplainedNetwork, NetworkCommand } from './types.ts'
import { addressesOf, hostInterface } from './wiring.ts'

interface Around {
  host: NetlinkSocket
  firewall: Firewall
}

/** @param pid a process in the sandbox */
export function explainSandbox(around: Around, state: SandboxState, pid: number): ExplainedNetwork {
  const netns = openNetworkNamespace(pid)
  try {
    using guest = NetlinkSocket.openIn(netns)
    return explainFrom(around, state, guest)
  } finally {
    closeSync(netns)
  }
}

function explainFrom({ host, firewall }: Around, state: SandboxState, guest: NetlinkSocket): ExplainedNetwork {
  const links = listLinks(guest)
  const connections = [...state.connections.values()]
  const bridges = connections
    .filter(({ network }) => network.driver === 'bridge')
    .map(({ network }) => bridgeName(network))
  const { rules, published } = firewall.concerning(state.request.containerId, bridges)
  const routes = listRoutes(guest)
  return {
    interfaces: connections.flatMap(connection => interfaceOf(host, guest, links, connection)),
    routes: routes.map(({ destination, gateway, index }) => {
      const via = gateway === null ? '' : ` via ${gateway}`
      return `${destination}${via} dev ${links.find(link => link.index === index)?.name ?? index}`
    }),
    commands: [
      ...connections.flatMap(connection => wiringCommands(connection, links, state)),
      ...routes
        .filter(({ destination, gateway }) => destination === 'default' && gateway !== null)
        .map(({ gateway, index }) => ({
          where: 'container' as const,
          command: `ip route add default via ${gateway} dev ${links.find(link => link.index === index)?.name ?? index}`,
          why: `what is not a neighbour goes by way of ${bridges.length > 0 ? 'the bridge, which is the gateway' : 'the gateway'}`,
          man: 'ip-route(8)',
        })),
      ...(state.names ? nameCommands : []),
      ...rules.map(rule => ruleCommand(firewall.table, rule)),
      ...published.map(command => ({
        where: 'host' as const,
        command: `nft '${command}'`,
        why: 'this published port: from here on the port of the host leads to the container',
        man: 'nft(8)',
      })),
    ],
  }
}

function interfaceOf(
  host: NetlinkSocket,
  guest: NetlinkSocket,
  links: readonly Link[],
  { network, endpoint }: Connection,
): ExplainedInterface[] {
  const link = linkOf(links, endpoint.macAddress)
  if (!link) return []
  const peer = network.driver === 'bridge' ? getLink(host, hostInterface(endpoint)) : null
  return [
    {
      network: network.name,
      driver: network.driver,
      name: link.name,
      index: link.index,
      mac: link.mac,
      mtu: link.mtu,
      addresses: listAddresses(guest)
        .filter(({ index }) => index === link.index)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      peer: peer && { name: peer.name, index: peer.index },
      bridge: network.driver === 'bridge' ? bridgeName(network) : '',
    },
  ]
}

const linkOf = (links: readonly Link[], mac: string): Link | undefined =>
  links.find(link => link.mac === mac.toLowerCase())

/** In the order in which connectToBridge and connectMacvlan do it. */
function wiringCommands(
  { network, endpoint }: Connection,
  links: readonly Link[],
  { reserved }: SandboxState,
): NetworkCommand[] {
  const link = linkOf(links, endpoint.macAddress)
  if (!link) return []
  const addresses = addressesOf(endpoint).map(({ address, prefixLength }) => `${address}/${prefixLength}`)
  const isolated = isOff(network, BRIDGE_OPTION.ICC)
  const madeBy =
    network.driver === 'macvlan'
      ? macvlanCommands({ network, endpoint }, link)
      : [
          ...bridgeCommands({ network, endpoint }),
          onHost(
            `ip link add ${hostInterface(endpoint)} mtu ${link.mtu} master ${bridgeName(network)} up type veth peer name ${link.name} address ${link.mac} netns NETNS`,
            'a wire of two ends: one is a port of the bridge, the other is born in the container',
            'veth(4)',
          ),
          ...(isolated || reserved.length > 0
            ? [
                onHost(
                  `bridge link set dev ${hostInterface(endpoint)}${isolated ? ' isolated on' : ''}${reserved.length > 0 ? ' hairpin on' : ''}`,
                  isolated
                    ? 'its neighbours are out of reach (enable_icc=false)'
                    : 'it may call its own published ports, also where bridged frames pass the firewall',
                  'bridge(8)',
                ),
              ]
            : []),
        ]
  return [
    ...madeBy,
    inContainer(`ip link set ${link.name} up`, 'an interface that is down carries nothing', 'ip-link(8)'),
    ...addresses.map(address =>
      inContainer(
        `ip address add ${address}${address.includes(':') ? ' nodad' : ' broadcast +'} dev ${link.name}`,
        `its address in ${network.name}, which nobody else there has`,
        'ip-address(8)',
      ),
    ),
  ]
}

const onHost = (command: string, why: string, man: string): NetworkCommand => ({ where: 'host', command, why, man })
const inContainer = (command: string, why: string, man: string): NetworkCommand => ({
  where: 'container',
  command,
  why,
  man,
})

function bridgeCommands({ network }: Connection): NetworkCommand[] {
  const bridge = bridgeName(network)
  return [
    onHost(
      `ip link add ${bridge} up type bridge`,
      `the network ${network.name}: a switch in the kernel, made with the network and not with the container`,
      'ip-link(8)',
    ),
    ...network.ipam.config.map(({ gateway, subnet }) =>
      onHost(
        `ip address add ${gateway}/${subnet.split('/')[1]} dev ${bridge}`,
        "the host's own place in the network, and the containers' gateway",
        'ip-address(8)',
      ),
    ),
    onHost(
      `sysctl -w net.ipv4.conf.${bridge}.route_localnet=1`,
      '127.0.0.1:PORT on the host may be translated to a container',
      'https://docs.kernel.org/networking/ip-sysctl.html',
    ),
    onHost('sysctl -w net.ipv4.ip_forward=1', 'the host passes packets on between its interfaces', 'ip(7)'),
    ...(network.enableIpv6 ? [onHost('sysctl -w net.ipv6.conf.all.forwarding=1', 'IPv6 packets, too', 'ipv6(7)')] : []),
  ]
}

const macvlanCommands = ({ network }: Connection, link: Link): NetworkCommand[] => [
  ...parentCommands(network),
  onHost(
    `ip link add ${link.name} link ${parentName(network)} address ${link.mac} netns NETNS type macvlan mode ${network.options[MACVLAN_OPTION.MODE] || 'bridge'}`,
    "a further address of the host's own card, in the container: no bridge, no translation",
    'ip-link(8)',
  ),
]

const nameCommands: readonly NetworkCommand[] = ['udp', 'tcp'].map(protocol =>
  inContainer(
    `nft add rule ip skiff-names output ip daddr ${NAME_SERVER} ${protocol} dport 53 dnat to ${NAME_SERVER}:PORT`,
    "resolv.conf names this address; the daemon's socket is on another port, so that 53 is free for a server of the container's",
    'nft(8)',
  ),
)

const ruleCommand = (table: string, { chain, rule, why }: FirewallRule): NetworkCommand =>
  onHost(`nft 'add rule inet ${table} ${chain} ${rule}'`, why, 'nft(8)')
