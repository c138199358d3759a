/** The keys of a service that have a form of their own. Source: compose-spec, 05-services.md. */

import type { Node } from '../source/node.ts'
import {
  asList,
  asMap,
  bool,
  bytes,
  type Decoded,
  type Decoder,
  duration,
  fail,
  int,
  labels,
  list,
  mapOf,
  natural,
  number,
  oneOf,
  orNothing,
  refused,
  string,
  struct,
  text,
} from './decode.ts'
import { localPath } from './paths.ts'

export interface Dependency {
  condition: 'service_started' | 'service_healthy' | 'service_completed_successfully'
  required: boolean
  restart?: boolean
}

const dependency = struct(
  {
    condition: oneOf('service_started', 'service_healthy', 'service_completed_successfully'),
    required: bool,
    restart: bool,
  },
  ['condition'],
)

export const dependencies: Decoder<Record<string, Dependency>> = (node, path) => {
  if (node.kind === 'list')
    return Object.fromEntries(
      list(string)(node, path).map(name => [name, { condition: 'service_started', required: true }]),
    )
  return Object.fromEntries(
    Object.entries(mapOf(dependency)(node, path)).map(
      ([name, { condition = 'service_started', required = true, restart }]) => [
        name,
        { condition, required, ...(restart && { restart }) },
      ],
    ),
  )
}

export interface EnvFile {
  path: string
  required: boolean
  format?: string
}

const envFile = struct({ path: string, required: bool, format: oneOf('raw') }, ['path'])

export const envFiles: Decoder<EnvFile[]> = (node, path) => {
  const items = node.kind === 'list' ? node.items : [node]
  return items.map((item, i) => {
    if (item.kind !== 'map') return { path: localPath(string(item, `${path}.${i}`), item.at), required: true }
    const { path: file = '', required = true, format } = envFile(item, `${path}.${i}`)
    return { path: localPath(file, item.at), required, ...(format && { format }) }
  })
}

export const labelFiles: Decoder<string[]> = (node, path) => {
  const items = node.kind === 'list' ? node.items : [node]
  return items.map((item, i) => localPath(string(item, `${path}.${i}`), item.at))
}

/** `host=address` texts; a name may have several. */
export const extraHosts: Decoder<string[]> = (node, path) => {
  const split = (item: string, at: Node): string => {
    const separator = item.search(/[=:]/)
    if (separator <= 0) return fail(at, `${path}: bad host name '${item}'`)
    return `${item.slice(0, separator)}=${item.slice(separator + 1).replace(/^\[(.*)\]$/, '$1')}`
  }
  if (node.kind === 'list') return [...new Set(node.items.map((item, i) => split(string(item, `${path}.${i}`), item)))]
  return [...asMap(node, path).entries].flatMap(([host, { value }]) => {
    const addresses =
      value.kind === 'list' ? list(string)(value, `${path}.${host}`) : [string(value, `${path}.${host}`)]
    return addresses.map(address => split(`${host}=${address}`, value))
  })
}

const attachment = struct({
  aliases: list(string),
  driver_opts: labels,
  gw_priority: int,
  interface_name: refused('interfaces are named eth0, eth1, … in the order of their networks'),
  ipv4_address: string,
  ipv6_address: string,
  link_local_ips: list(string),
  mac_address: string,
  priority: number,
})
/** How a service is connected to one network; null where nothing is said of it. */
export type Attachment = Decoded<typeof attachment>

export const serviceNetworks: Decoder<Record<string, Attachment | null>> = (node, path) =>
  node.kind === 'list'
    ? Object.fromEntries(list(string)(node, path).map(name => [name, null]))
    : mapOf(orNothing(attachment, null))(node, path)

/** In words: a string is for the image's shell. */
const test: Decoder<string[]> = (node, path) => {
  if (node.kind !== 'list') return ['CMD-SHELL', string(node, path)]
  const words = list(text)(node, path)
  if (words.length > 0 && !['NONE', 'CMD', 'CMD-SHELL'].includes(words[0] ?? ''))
    fail(node, `${path}: when "test" is a list the first item must be either NONE, CMD or CMD-SHELL`)
  return words
}

export const healthcheck = struct({
  disable: bool,
  interval: duration,
  retries: natural,
  start_interval: duration,
  start_period: duration,
  test,
  timeout: duration,
})

export interface Ulimit {
  soft: number
  hard: number
}

export const ulimits: Decoder<Record<string, number | Ulimit>> = mapOf((node, path) => {
  if (node.kind !== 'map') return int(node, path)
  const { soft = 0, hard = 0 } = struct({ soft: int, hard: int }, ['soft', 'hard'])(node, path)
  return { soft, hard }
})

export interface Device {
  source: string
  target: string
  permissions: string
}

export const devices: Decoder<Device[]> = (node, path) =>
  asList(node, path).items.map((item, i) => {
    const long = struct({ source: string, target: string, permissions: string }, ['source'])
    if (item.kind === 'map') {
      const { source = '', target = source, permissions = 'rwm' } = long(item, `${path}.${i}`)
      return { source, target, permissions }
    }
    const [source = '', ...rest] = string(item, `${path}.${i}`).split(':')
    const isMode = (word: string | undefined) => word !== undefined && /^[rwm]+$/.test(word)
    const [target = source, permissions = 'rwm'] = rest.length === 1 && isMode(rest[0]) ? [source, rest[0]] : rest
    if (rest.length > 2 || source === '' || !isMode(permissions))
      fail(item, `${path}.${i}: invalid device specification: ${[source, ...rest].join(':')}`)
    return { source, target, permissions }
  })

const limits = (rate: Decoder<number>) => list(struct({ path: string, rate }, ['path', 'rate']))

export const blkio = struct({
  device_read_bps: limits(bytes),
  device_read_iops: limits(natural),
  device_write_bps: limits(bytes),
  device_write_iops: limits(natural),
  weight: natural,
  weight_device: list(struct({ path: string, weight: natural }, ['path', 'weight'])),
})
