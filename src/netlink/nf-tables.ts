/**
 * nf_tables' own netlink messages, as far as one rule and the elements of maps need them, on a socket of any namespace. The host's
 * table is written by libnftables, whose contexts belong to the daemon's namespace, and which reads what there is before each
 * change. The kernel's include/uapi/linux/netfilter/nf_tables.h; numbers are in network order.
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
const NFT_MSG_NEWSETELEM = 12
const NFT_MSG_DELSETELEM = 14
const NLM_F_APPEND = 0x800
const NFPROTO_INET = 1
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
const NFTA_SET_ELEM_LIST_TABLE = 1
const NFTA_SET_ELEM_LIST_SET = 2
const NFTA_SET_ELEM_LIST_ELEMENTS = 3
const NFTA_SET_ELEM_KEY = 1
const NFTA_SET_ELEM_DATA = 2
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

const messageOf = (family: number, type: number, flags: number, what: string, ...attributes: Buffer[]): Request => ({
  type: (NFNL_SUBSYS_NFTABLES << 8) | type,
  flags,
  payload: Buffer.concat([nfgenmsg(family, 0), ...attributes]),
  what,
})

const message = (type: number, flags: number, what: string, ...attributes: Buffer[]): Request =>
  messageOf(NFPROTO_IPV4, type, flags, what, ...attributes)

const boundary = (type: number, what: string): Request => ({
  type,
  flags: 0,
  payload: nfgenmsg(0, NFNL_SUBSYS_NFTABLES),
  what,
})

/** All of them take effect or none. @throws KernelError */
function transact(socket: NetlinkSocket, requests: readonly Request[]): void {
  const begin = boundary(NFNL_MSG_BATCH_BEGIN, 'begin an nf_tables transaction')
  const commit = boundary(NFNL_MSG_BATCH_END, 'commit an nf_tables transaction')
  socket.transact(begin, requests, commit)
}

/** An element of a map in a table of the family inet. Concatenated fields are filled up to four bytes each. */
export interface MapElement {
  map: string
  key: Buffer
  value: Buffer
}

/**
 * Elements come and go without anything else of the table being read or written.
 * Shell: `nft add element inet TABLE MAP { KEY : VALUE }`, `nft delete element inet TABLE MAP { KEY }`
 */
export function changeElements(
  socket: NetlinkSocket,
  table: string,
  verb: 'add' | 'delete',
  elements: readonly MapElement[],
): void {
  const [type, flags] = verb === 'add' ? [NFT_MSG_NEWSETELEM, NLM_F_CREATE] : [NFT_MSG_DELSETELEM, 0]
  transact(
    socket,
    elements.map(({ map, key, value }) =>
      messageOf(
        NFPROTO_INET,
        type,
        flags,
        `${verb} element of ${map} in ${table}`,
        text(NFTA_SET_ELEM_LIST_TABLE, table),
        text(NFTA_SET_ELEM_LIST_SET, map),
        nested(
          NFTA_SET_ELEM_LIST_ELEMENTS,
          nested(
            NFTA_LIST_ELEM,
            nested(NFTA_SET_ELEM_KEY, attribute(NFTA_DATA_VALUE, key)),
            ...(verb === 'add' ? [nested(NFTA_SET_ELEM_DATA, attribute(NFTA_DATA_VALUE, value))] : []),
          ),
        ),
      ),
    ),
  )
}

/**
 * A table that leads connections of this namespace's own processes elsewhere, in one transaction.
 * Shell: `nft add table ip TABLE; nft add chain ip TABLE output '{ type nat hook output priority -100; }';
 * nft add rule ip TABLE output ip daddr FROM udp dport PORT dnat to TO:PORT`
 * @param replace there may be one of that name already
 */
export function writeRedirectTable(
  socket: NetlinkSocket,
  table: string,
  redirects: readonly PortRedirect[],
  { replace }: { replace: boolean },
): void {
  transact(socket, [...(replace ? withoutTable(table) : []), ...redirectTable(table, redirects)])
}

/** Made before it is deleted: deleting what does not exist would fail, and the transaction with it. */
const withoutTable = (table: string): Request[] => [
  message(NFT_MSG_NEWTABLE, NLM_F_CREATE, `add table ${table}`, text(NFTA_TABLE_NAME, table)),
  message(NFT_MSG_DELTABLE, 0, `delete table ${table}`, text(NFTA_TABLE_NAME, table)),
]

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
