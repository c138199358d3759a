/** The driver `bridge`: a bridge on the host per network; its ports: bridge-port.ts. All by netlink, no `ip` process. */

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { Conflict, hasCode, Unavailable } from '../kernel/errors.ts'
import { addAddress, listAddresses } from '../netlink/address.ts'
import { addBridge, deleteLink, getLink, type Link, listLinks, MAX_ALIAS, setAlias, setUp } from '../netlink/link.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

export interface BridgeSettings {
  name: string
  /** Noted at a bridge that is made here, and at no other: it tells ours from one that an administrator has made. */
  note: string
  mtu: number | undefined
  /** Gateways, which the bridge itself has: '172.17.0.1' with 16. */
  addresses: { address: string; prefixLength: number }[]
  ipv6: boolean
}

/** Docker's scheme: the vendor-less prefix 02:42 and the IPv4 address, so that a neighbour's ARP entry survives a restart. */
export const macForAddress = (bytes: Buffer): string =>
  ['02', '42', ...[...bytes].map(byte => byte.toString(16).padStart(2, '0'))].join(':')

const macForName = (name: string): string => macForAddress(createHash('sha256').update(name).digest().subarray(0, 4))

/**
 * Makes the bridge, or completes one that is there already. Returns its interface index.
 * @throws Conflict if the name belongs to something else, Unavailable if its settings cannot be written
 */
export async function ensureBridge(
  host: NetlinkSocket,
  { name, note, mtu, addresses, ipv6 }: BridgeSettings,
): Promise<number> {
  let link = getLink(host, name)
  const isNew = link === null
  if (link && link.kind !== 'bridge') throw new Conflict(`existing interface ${name} is not a bridge`)
  if (link && isOfAnother(link.alias, note)) {
    throw new Conflict(
      `bridge ${name} is another skiffd's (${link.alias}): choose one by --bridge, or if that daemon is no more, \`ip link delete ${name}\``,
    )
  }
  if (!link) {
    // A bridge without an address of its own takes over the lowest of its ports', and changes it when they come and go.
    host.request(
      addBridge(name, { mac: macForName(name), ...(mtu === undefined ? {} : { mtu }) }),
      setAlias(name, note.slice(0, MAX_ALIAS)),
    )
    link = getLink(host, name) as Link
  }
  const present = new Set(
    listAddresses(host)
      .filter(one => one.index === link.index)
      .map(one => one.address),
  )
  const index = link.index
  const missing = addresses.filter(({ address }) => !present.has(address)).map(one => addAddress({ index, ...one }))
  host.request(...missing, setUp(name))
  try {
    // Lets 127.0.0.1:PORT on the host reach a container; src/networks/firewall-rules.ts guards what that opens.
    await setSysctl(`net/ipv4/conf/${name}/route_localnet`, '1')
    await setSysctl('net/ipv4/ip_forward', '1')
    if (ipv6) await setSysctl('net/ipv6/conf/all/forwarding', '1')
  } catch (error) {
    if (isNew) host.request(deleteLink(name))
    throw error
  }
  return index
}

/** A note begins with the firewall table of the daemon that made the bridge: networks.ts, mark. */
function isOfAnother(alias: string, note: string): boolean {
  const [owner, word] = alias.split(' ')
  return (
    owner !== undefined && /^skiff(-[0-9a-f]{8})?$/.test(owner) && word === 'network' && owner !== note.split(' ')[0]
  )
}

/** Nothing happens if it is gone, or was made by somebody else. `mark`: what our notes begin with. */
export function removeBridge(host: NetlinkSocket, name: string, mark: string): void {
  if (getLink(host, name)?.alias.startsWith(mark)) host.request(deleteLink(name))
}

/**
 * Wires of containers that are no more, whose namespace somebody else still holds: those of ours, by their note, that are not wanted.
 */
export function removeOrphanWires(host: NetlinkSocket, mark: string, wanted: ReadonlySet<string>): void {
  const orphans = listLinks(host).filter(({ name, alias }) => alias.startsWith(mark) && !wanted.has(name))
  // ENODEV: its namespace has just ended.
  host.attempt(...orphans.map(({ name }) => deleteLink(name)))
}

/** Bridges of networks that are no more: of a removal that was cut off. One that still has ports is left for its containers. */
export function removeOrphans(host: NetlinkSocket, mark: string, wanted: readonly string[]): void {
  const links = listLinks(host)
  for (const { name, index, alias } of links) {
    const isUsed = links.some(link => link.master === index)
    if (alias.startsWith(mark) && !wanted.includes(name) && !isUsed) host.request(deleteLink(name))
  }
}

/** sysctl(8) -w. A kernel without the key (IPv6 switched off), or one that is read-only but set already, is fine. */
async function setSysctl(key: string, value: string): Promise<void> {
  const path = `/proc/sys/${key}`
  try {
    if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value)
  } catch (error) {
    // As in a container that is not privileged.
    if (hasCode(error, 'EROFS', 'EACCES', 'EPERM'))
      throw new Unavailable(`${path} cannot be written: a bridge needs that`, { cause: error })
    if (!hasCode(error, 'ENOENT')) throw error
  }
}
