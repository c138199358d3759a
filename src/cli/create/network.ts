/** --network NAME, or name=NAME,alias=…,ip=…,…; and what the older flags say of the first network. */

import { csvFields } from './csv.ts'

export interface NetworkAttachment {
  readonly target: string
  readonly aliases: readonly string[]
  readonly driverOpts: Readonly<Record<string, string>>
  readonly links: readonly string[]
  readonly ip: string
  readonly ip6: string
  readonly linkLocalIps: readonly string[]
  readonly macAddress: string
  readonly gwPriority: number
}

const NONE: Omit<NetworkAttachment, 'target'> = {
  aliases: [],
  driverOpts: {},
  links: [],
  ip: '',
  ip6: '',
  linkLocalIps: [],
  macAddress: '',
  gwPriority: 0,
}

/** @throws Error */
export function parseNetwork(text: string): NetworkAttachment {
  if (!/^[^=]+=/.test(text)) return { ...NONE, target: text }
  let attachment: NetworkAttachment = { ...NONE, target: '' }
  for (const field of csvFields(text)) {
    const [key = '', value] = [field.split('=', 1)[0]?.trim().toLowerCase(), field.slice(field.indexOf('=') + 1).trim()]
    if (!field.includes('=')) throw new Error(`invalid field ${field}`)
    attachment = { ...attachment, ...property(attachment, key, value) }
  }
  if (!attachment.target) throw new Error('network name/id is not specified')
  return attachment
}

function property(soFar: NetworkAttachment, key: string, value: string): Partial<NetworkAttachment> {
  switch (key) {
    case 'name':
      return { target: value }
    case 'alias':
      return { aliases: [...soFar.aliases, value] }
    case 'driver-opt': {
      const [name = '', ...rest] = value.split('=')
      if (rest.length === 0) throw new Error('invalid key value pair format in driver options')
      return { driverOpts: { ...soFar.driverOpts, [name.trim().toLowerCase()]: rest.join('=').trim() } }
    }
    case 'ip':
      return { ip: value }
    case 'ip6':
      return { ip6: value }
    case 'mac-address':
      return { macAddress: value }
    case 'link-local-ip':
      return { linkLocalIps: [...soFar.linkLocalIps, value] }
    case 'gw-priority':
      if (!/^-?\d+$/.test(value)) throw new Error(`invalid gw-priority (${value}): value must be an integer`)
      return { gwPriority: Number(value) }
    default:
      throw new Error(`invalid field key ${key}`)
  }
}

/** What the flags from before `--network name=…` say; it is for the first network. */
export type OldFlags = Pick<NetworkAttachment, 'aliases' | 'links' | 'ip' | 'ip6' | 'linkLocalIps' | 'macAddress'>

interface Networking {
  readonly NetworkMode: string
  readonly EndpointsConfig: Readonly<Record<string, object>> | undefined
}

const MODES = /^(default|bridge|host|none|container:.*)$/
const isUserDefined = (name: string): boolean => !MODES.test(name)

/** The networks of a container to be created. @throws Error */
export function networking(given: readonly NetworkAttachment[], old: OldFlags): Networking {
  const attachments = (given.length > 0 ? given : [{ ...NONE, target: 'default' }]).map((attachment, i) =>
    i === 0 ? withOldFlags(attachment, old) : attachment,
  )
  const endpoints: Record<string, object> = {}
  for (const attachment of attachments) {
    const { target } = attachment
    if (Object.hasOwn(endpoints, target)) throw new Error(`network "${target}" is specified multiple times`)
    endpoints[target] = endpoint(attachment)
  }
  const names = Object.keys(endpoints)
  if (names.some(isUserDefined) && !names.every(isUserDefined))
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes')
  // An endpoint about which nothing is said is left to the daemon.
  const plain = names.length === 1 && Object.values(endpoints).every(item => Object.keys(item).length === 0)
  return { NetworkMode: names[0] ?? 'default', EndpointsConfig: plain ? undefined : endpoints }
}

function withOldFlags(attachment: NetworkAttachment, old: OldFlags): NetworkAttachment {
  const conflict = (flag: string, what: string) =>
    new Error(`conflicting options: cannot specify both ${flag} and per-network ${what}`)
  if (old.aliases.length > 0 && attachment.aliases.length > 0) throw conflict('--network-alias', 'alias')
  if (old.ip && attachment.ip) throw conflict('--ip', 'IPv4 address')
  if (old.ip6 && attachment.ip6) throw conflict('--ip6', 'IPv6 address')
  if (old.macAddress && attachment.macAddress) throw conflict('--mac-address', 'MAC address')
  if (old.linkLocalIps.length > 0 && attachment.linkLocalIps.length > 0)
    throw conflict('--link-local-ip', 'link-local IP addresses')
  if (old.aliases.length > 0 && !isUserDefined(attachment.target))
    throw new Error('network-scoped aliases are only supported for user-defined networks')
  return {
    ...attachment,
    aliases: [...attachment.aliases, ...old.aliases],
    // On the default network links are the container's own, in HostConfig.
    links: isUserDefined(attachment.target) ? old.links : [],
    ip: attachment.ip || old.ip,
    ip6: attachment.ip6 || old.ip6,
    linkLocalIps: [...attachment.linkLocalIps, ...old.linkLocalIps],
    macAddress: attachment.macAddress || old.macAddress,
  }
}

/** EndpointSettings of the API, with only what is set. */
export function endpoint(attachment: Omit<NetworkAttachment, 'target'>): object {
  const { aliases, driverOpts, links, ip, ip6, linkLocalIps, macAddress, gwPriority } = attachment
  const ipam = {
    ...(ip && { IPv4Address: ip }),
    ...(ip6 && { IPv6Address: ip6 }),
    ...(linkLocalIps.length > 0 && { LinkLocalIPs: linkLocalIps }),
  }
  return {
    ...(Object.keys(ipam).length > 0 && { IPAMConfig: ipam }),
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(links.length > 0 && { Links: links }),
    ...(Object.keys(driverOpts).length > 0 && { DriverOpts: driverOpts }),
    ...(macAddress && { MacAddress: mac(macAddress) }),
    ...(gwPriority !== 0 && { GwPriority: gwPriority }),
  }
}

function mac(text: string): string {
  if (!/^([\da-f]{2}[:-]){5}[\da-f]{2}$/i.test(text)) throw new Error(`${text} is not a valid mac address`)
  return text
}

export const NO_OLD_FLAGS: Omit<NetworkAttachment, 'target'> = NONE
