/**
 * skiff's nftables table as text: a pure function from networks and published ports to nft(8)'s language.
 *
 * Per network there are a few rules; per published port there is one element in a map, so that a start costs the same with one
 * container as with a thousand, and a packet finds its way by one look-up. Nothing outside the table is touched.
 */

import { ipBytes } from '../netlink/ip.ts'
import type { MapElement } from '../netlink/nf-tables.ts'

export interface FirewallNetwork {
  bridge: string
  subnets4: readonly string[]
  subnets6: readonly string[]
  /** No way out, no way in. */
  internal: boolean
  /** Give packets that leave for elsewhere the host's address. */
  masquerade: boolean
}

/** One way in: connections to hostPort of hostIp ('0.0.0.0' and '::' stand for every address) go to the container. */
export interface PublishedPort {
  protocol: 'tcp' | 'udp' | 'sctp'
  hostIp: string
  hostPort: number
  containerIp: string
  containerPort: number
}

/** One rule with its reason: for the table, and for `skiff explain`. */
export interface FirewallRule {
  chain: string
  rule: string
  why: string
  /** The network's bridge that it is for; null: for all of them. */
  bridge: string | null
}

const quoted = (names: readonly string[]): string => names.map(name => `"${name}"`).join(', ')

/** The commands that put the whole table into this state, whatever it was before. One transaction. */
export function tableCommands(
  table: string,
  networks: readonly FirewallNetwork[],
  published: readonly PublishedPort[],
): string {
  return `table inet ${table} {}
delete table inet ${table}
table inet ${table} {
${sets(networks)}
${chains(networks)}
}
${published.map(port => publishCommand(table, port)).join('\n')}
`
}

const WILDCARD = new Set(['0.0.0.0', '::'])

/** An element: which map, its key and what it leads to. */
function element(port: PublishedPort): { map: string; key: string; target: string } {
  const family = port.containerIp.includes(':') ? 6 : 4
  const wild = WILDCARD.has(port.hostIp)
  return {
    map: `published${wild ? '' : '_at'}${family}`,
    key: `${wild ? '' : `${port.hostIp} . `}${port.protocol} . ${port.hostPort}`,
    target: `${port.containerIp} . ${port.containerPort}`,
  }
}

export function publishCommand(table: string, port: PublishedPort): string {
  const { map, key, target } = element(port)
  return `add element inet ${table} ${map} { ${key} : ${target} }`
}

/** The same as the kernel has it: fields one after the other, each filled up to four bytes. */
export function publishElement(port: PublishedPort): MapElement {
  const host = WILDCARD.has(port.hostIp) ? [] : [ipBytes(port.hostIp)]
  return {
    map: element(port).map,
    key: Buffer.concat([...host, field(PROTOCOLS[port.protocol]), field(port.hostPort >> 8, port.hostPort & 0xff)]),
    value: Buffer.concat([ipBytes(port.containerIp), field(port.containerPort >> 8, port.containerPort & 0xff)]),
  }
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const

const field = (first: number, second = 0): Buffer => Buffer.from([first, second, 0, 0])

const sets = (networks: readonly FirewallNetwork[]): string => `  set bridges {
    type ifname
${networks.length > 0 ? `    elements = { ${quoted(networks.map(network => network.bridge))} }` : ''}
  }
  map published4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map published6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map published_at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map published_at6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }`

/** Chains in the order of a packet's way, with what binds them to it; '' for one that others jump to. */
const CHAINS: Record<string, string> = {
  loopback_guard: 'type filter hook prerouting priority -300; policy accept;',
  published: '',
  prerouting: 'type nat hook prerouting priority -100; policy accept;',
  output: 'type nat hook output priority -100; policy accept;',
  forward: 'type filter hook forward priority 0; policy accept;',
  postrouting: 'type nat hook postrouting priority 100; policy accept;',
}

function chains(networks: readonly FirewallNetwork[]): string {
  const rules = firewallRules(networks)
  return Object.entries(CHAINS)
    .map(([chain, hook]) => {
      const own = rules.filter(rule => rule.chain === chain)
      const lines = own.flatMap(({ rule, why }, index) => (why === own[index - 1]?.why ? [rule] : [`# ${why}`, rule]))
      return `  chain ${chain} {\n${[...(hook ? [hook] : []), ...lines].map(line => `    ${line}\n`).join('')}  }`
    })
    .join('\n')
}

/** Every rule of the table, in its order. */
export const firewallRules = (networks: readonly FirewallNetwork[]): FirewallRule[] => [
  ...COMMON,
  ...networks.filter(network => network.internal).flatMap(internalRules),
  ...ANSWERS,
  ...networks.map(({ bridge }) => ({
    chain: 'forward',
    rule: `oifname "${bridge}" iifname != "${bridge}" drop`,
    why: 'nobody else reaches a network, other networks of skiff included',
    bridge,
  })),
  {
    chain: 'postrouting',
    rule: 'ip saddr 127.0.0.0/8 oifname @bridges masquerade',
    why: "a container cannot answer 127.0.0.1: a connection of the host's own gets the bridge's address",
    bridge: null,
  },
  ...networks.flatMap(network => [
    ...network.subnets4.flatMap(subnet => sourceRules('ip', subnet, network)),
    ...network.subnets6.flatMap(subnet => sourceRules('ip6', subnet, network)),
  ]),
]

const common = (chain: string, why: string, ...rules: string[]): FirewallRule[] =>
  rules.map(rule => ({ chain, rule, why, bridge: null }))

const COMMON: readonly FirewallRule[] = [
  ...common(
    'loopback_guard',
    "route_localnet, which 127.0.0.1:PORT needs, would let containers reach what listens on the host's loopback (CVE-2020-8558)",
    'ip daddr 127.0.0.0/8 iifname @bridges drop',
  ),
  ...common(
    'published',
    '::1 cannot leave the host, whatever it is translated to: its own forwarder listens there (host-ports.ts)',
    'ip6 daddr ::1 return',
  ),
  ...common(
    'published',
    'a published port leads to its container: one look-up, however many there are',
    'dnat ip to ip daddr . meta l4proto . th dport map @published_at4',
    'dnat ip6 to ip6 daddr . meta l4proto . th dport map @published_at6',
    'meta nfproto ipv4 dnat ip to meta l4proto . th dport map @published4',
    'meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6',
  ),
  ...common(
    'prerouting',
    "what comes in for one of the host's addresses may be for a published port",
    'fib daddr type local jump published',
  ),
  ...common(
    'output',
    'and so may what the host itself sends to its own addresses',
    'fib daddr type local jump published',
  ),
]

const ANSWERS: readonly FirewallRule[] = [
  ...common(
    'forward',
    'answers, and whatever belongs to an accepted connection',
    'ct state established,related accept',
  ),
  ...common('forward', 'published: the one way in from elsewhere', 'ct status dnat accept'),
]

const internalRules = ({ bridge }: FirewallNetwork): FirewallRule[] =>
  [`iifname "${bridge}" oifname != "${bridge}" drop`, `oifname "${bridge}" iifname != "${bridge}" drop`].map(rule => ({
    chain: 'forward',
    rule,
    why: 'internal: no way out and no way in',
    bridge,
  }))

function sourceRules(
  family: 'ip' | 'ip6',
  subnet: string,
  { bridge, masquerade, internal }: FirewallNetwork,
): FirewallRule[] {
  const rule = { chain: 'postrouting', bridge }
  const out = {
    ...rule,
    rule: `${family} saddr ${subnet} oifname != "${bridge}" masquerade`,
    why: "the world outside knows the host's address and not a container's",
  }
  const hairpin = {
    ...rule,
    rule: `${family} saddr ${subnet} ${family} daddr ${subnet} ct status dnat masquerade`,
    why: "a neighbour, or the container itself, that comes by the host's address: the answer has to come back the same way",
  }
  return masquerade && !internal ? [out, hairpin] : [hairpin]
}
