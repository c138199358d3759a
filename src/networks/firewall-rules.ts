/**
 * skiff's nftables table as text: a pure function from networks and published ports to nft(8)'s language.
 *
 * Per network there are a few rules; per published port there is one element in a map, so that a start costs the same with one
 * container as with a thousand, and a packet finds its way by one look-up. Nothing outside the table is touched.
 */

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

const quoted = (names: readonly string[]): string => names.map(name => `"${name}"`).join(', ')
const lines = (...parts: (string | readonly string[])[]): string =>
  parts
    .flat()
    .map(line => `    ${line}`)
    .join('\n')

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

export function unpublishCommand(table: string, port: PublishedPort): string {
  const { map, key } = element(port)
  return `delete element inet ${table} ${map} { ${key} }`
}

const sets = (networks: readonly FirewallNetwork[]): string => `  set bridges {
    type ifname
${networks.length > 0 ? `    elements = { ${quoted(networks.map(network => network.bridge))} }` : ''}
  }
  map published4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map published6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map published_at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map published_at6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }`

const chains = (networks: readonly FirewallNetwork[]): string => `  chain published {
${lines(
  '# ::1 cannot leave the host, whatever it is translated to: its own forwarder listens there (host-ports.ts)',
  'ip6 daddr ::1 return',
  'dnat ip to ip daddr . meta l4proto . th dport map @published_at4',
  'dnat ip6 to ip6 daddr . meta l4proto . th dport map @published_at6',
  'meta nfproto ipv4 dnat ip to meta l4proto . th dport map @published4',
  'meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6',
)}
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
  chain loopback_guard {
    type filter hook prerouting priority -300; policy accept;
${lines(
  "# route_localnet, which 127.0.0.1:PORT needs, would let containers reach what listens on the host's loopback (CVE-2020-8558)",
  'iifname @bridges ip daddr 127.0.0.0/8 drop',
)}
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
${lines(
  networks
    .filter(network => network.internal)
    .flatMap(({ bridge }) => [
      `iifname "${bridge}" oifname != "${bridge}" drop`,
      `oifname "${bridge}" iifname != "${bridge}" drop`,
    ]),
  'ct state established,related accept',
  '# published: the one way in from elsewhere, other networks of skiff included',
  'ct status dnat accept',
  networks.map(({ bridge }) => `oifname "${bridge}" iifname != "${bridge}" drop`),
)}
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
${lines(
  'oifname @bridges ip saddr 127.0.0.0/8 masquerade',
  networks.flatMap(network => [
    ...network.subnets4.flatMap(subnet => sourceRules('ip', subnet, network)),
    ...network.subnets6.flatMap(subnet => sourceRules('ip6', subnet, network)),
  ]),
)}
  }`

function sourceRules(
  family: 'ip' | 'ip6',
  subnet: string,
  { bridge, masquerade, internal }: FirewallNetwork,
): string[] {
  return [
    ...(masquerade && !internal ? [`${family} saddr ${subnet} oifname != "${bridge}" masquerade`] : []),
    // A neighbour, or the container itself, that comes by the host's address: the answer has to come back the same way.
    `${family} saddr ${subnet} ${family} daddr ${subnet} ct status dnat masquerade`,
  ]
}
