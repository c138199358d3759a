/**
 * nf_tables' own netlink messages, as far as one rule needs them. The host's rules are written with libnftables, whose contexts
 * belong to the daemon's namespace; this speaks on a socket of any. The kernel's include/uapi/linux/netfilter/nf_tables.h; numbers
 * are in network order.
 */

import { KernelError } from '../kernel/errors.ts'
import { attribute, attributes, NLM_F_CREATE, nested, type Request, text } from './codec.ts'
import type { NetlinkSocket } from './socket.ts'

const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 0x10
const NFNL_MSG_BATCH_END = 0x11
const NFT_MSG_NEWTABLE = 0
const NFT_MSG_GETTABLE = 1
const NFT_MSG_DELTABLE = 2
const NFT_MSG_NEWCHAIN = 3
const NFT_MSG_NEWRULE = 6
const NLM_F_APPEND = 0x800
const NFPROTO_IPV4 = 2

const NFTA_TABLE_NAME = 1
const NFTA_TABLE_USERDATA = 6
/** libnftnl's: a type, a length, and text with its NUL. nft(8) shows it. */
const UDATA_COMMENT = 0
const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_CHAIN_HOOK = 4
const NFTA_CHAIN_TYPE = 7
const NFTA_HOOK_HOOKNUM = 1
const NFTA_HOOK_PRIORITY = 2
const NFTA_RULE_TABLE = 1
const NFTA_RULE_CHAIN = 2
const NFTA_RULE_EXPRESSIONS = 4
const NFTA_LIST_ELEM = 1
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_DATA_VALUE = 1

const NF_INET_LOCAL_OUT = 3
/** NF_IP_PRI_NAT_DST */
const PRIORITY_DSTNAT = -100
const NFT_PAYLOAD_NETWORK_HEADER = 1
const NFT_PAYLOAD_TRANSPORT_HEADER = 2
const NFT_META_L4PROTO = 16
const NFT_CMP_EQ = 0
const NFT_NAT_DNAT = 1
const NF_NAT_RANGE_MAP_IPS_AND_PORTS = 3
const NFT_REG_1 = 1
const NFT_REG_2 = 2
const IPV4_DESTINATION = { base: NFT_PAYLOAD_NETWORK_HEADER, offset: 16, bytes: 4 }
const DESTINATION_PORT = { base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, bytes: 2 }

export interface PortRedirect {
  /** IPPROTO_TCP or IPPROTO_UDP. */
  protocol: number
  from: { address: Buffer; port: number }
  to: { address: Buffer; port: number }
}

const be32 = (type: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return attribute(type, bytes)
}

const port = (number: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(number)
  return bytes
}

const NFGENMSG_BYTES = 4
const nfgenmsg = (family: number, resource: number): Buffer => Buffer.from([family, 0, resource >> 8, resource & 0xff])

const message = (type: number, flags: number, what: string, ...attributes: Buffer[]): Request => ({
  type: (NFNL_SUBSYS_NFTABLES << 8) | type,
  flags,
  payload: Buffer.concat([nfgenmsg(NFPROTO_IPV4, 0), ...attributes]),
  what,
})

const boundary = (type: number, what: string): Request => ({
  type,
  flags: 0,
  payload: nfgenmsg(0, NFNL_SUBSYS_NFTABLES),
  what,
})

/**
 * A table that leads connections of this namespace's own processes elsewhere, in the place of one of that name, in one transaction.
 * Shell: `nft add table ip TABLE; nft add chain ip TABLE output '{ type nat hook output priority -100; }';
 * nft add rule ip TABLE output ip daddr FROM udp dport PORT dnat to TO:PORT`
 */
export function writeRedirectTable(socket: NetlinkSocket, table: string, redirects: readonly PortRedirect[]): void {
  const begin = boundary(NFNL_MSG_BATCH_BEGIN, 'begin an nf_tables transaction')
  const commit = boundary(NFNL_MSG_BATCH_END, 'commit an nf_tables transaction')
  socket.transact(begin, redirectTable(table, redirects), commit)
}

/** Whether there is such a table, written by writeRedirectTable for the same redirects: one that is need not be written again. */
export function hasRedirectTable(socket: NetlinkSocket, table: string, redirects: readonly PortRedirect[]): boolean {
  try {
    const request = message(NFT_MSG_GETTABLE, 0, `get table ${table}`, text(NFTA_TABLE_NAME, table))
    const found = attributes(socket.get(request).payload, NFGENMSG_BYTES).get(NFTA_TABLE_USERDATA)
    return found?.equals(comment(redirects)) ?? false
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return false
    throw error
  }
}

function comment(redirects: readonly PortRedirect[]): Buffer {
  const parts = redirects.map(({ protocol, from, to }) => `${protocol}/${from.port} to ${to.port}`)
  const words = Buffer.from(`${parts.join(', ')}\0`)
  return Buffer.concat([Buffer.from([UDATA_COMMENT, words.length]), words])
}

const redirectTable = (table: string, redirects: readonly PortRedirect[]): Request[] => [
  // Made before it is deleted: deleting what does not exist would fail, and the transaction with it.
  message(NFT_MSG_NEWTABLE, NLM_F_CREATE, `add table ${table}`, text(NFTA_TABLE_NAME, table)),
  message(NFT_MSG_DELTABLE, 0, `delete table ${table}`, text(NFTA_TABLE_NAME, table)),
  message(
    NFT_MSG_NEWTABLE,
    NLM_F_CREATE,
    `add table ${table}`,
    text(NFTA_TABLE_NAME, table),
    attribute(NFTA_TABLE_USERDATA, comment(redirects)),
  ),
  message(
    NFT_MSG_NEWCHAIN,
    NLM_F_CREATE,
    `add chain ${table} output`,
    text(NFTA_CHAIN_TABLE, table),
    text(NFTA_CHAIN_NAME, 'output'),
    nested(NFTA_CHAIN_HOOK, be32(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT), be32(NFTA_HOOK_PRIORITY, PRIORITY_DSTNAT)),
    text(NFTA_CHAIN_TYPE, 'nat'),
  ),
  ...redirects.map(redirect =>
    message(
      NFT_MSG_NEWRULE,
      NLM_F_CREATE | NLM_F_APPEND,
      `add rule ${table} output`,
      text(NFTA_RULE_TABLE, table),
      text(NFTA_RULE_CHAIN, 'output'),
      nested(NFTA_RULE_EXPRESSIONS, ...expressions(redirect)),
    ),
  ),
]

const expressions = ({ protocol, from, to }: PortRedirect): Buffer[] => [
  load(IPV4_DESTINATION),
  equals(from.address),
  expression('meta', be32(1, NFT_REG_1), be32(2, NFT_META_L4PROTO)),
  equals(Buffer.from([protocol])),
  load(DESTINATION_PORT),
  equals(port(from.port)),
  immediate(NFT_REG_1, to.address),
  immediate(NFT_REG_2, port(to.port)),
  expression(
    'nat',
    be32(1, NFT_NAT_DNAT),
    be32(2, NFPROTO_IPV4),
    be32(3, NFT_REG_1),
    be32(5, NFT_REG_2),
    be32(7, NF_NAT_RANGE_MAP_IPS_AND_PORTS),
  ),
]

const expression = (name: string, ...data: Buffer[]): Buffer =>
  nested(NFTA_LIST_ELEM, text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, ...data))

const load = ({ base, offset, bytes }: { base: number; offset: number; bytes: number }): Buffer =>
  expression('payload', be32(1, NFT_REG_1), be32(2, base), be32(3, offset), be32(4, bytes))

const equals = (value: Buffer): Buffer =>
  expression('cmp', be32(1, NFT_REG_1), be32(2, NFT_CMP_EQ), nested(3, attribute(NFTA_DATA_VALUE, value)))

const immediate = (register: number, value: Buffer): Buffer =>
  expression('immediate', be32(1, register), nested(2, attribute(NFTA_DATA_VALUE, value)))
