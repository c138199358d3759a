/** Published ports, short and long. Source: compose-spec, "ports". */

import { isIP } from 'node:net'
import type { Node } from '../source/node.ts'
import { asList, type Decoder, fail, list, oneOf, string, struct, text } from './decode.ts'

export interface PortConfig {
  name?: string
  mode?: string
  host_ip?: string
  target: number
  /** A port, or a range of them to choose from. */
  published?: string
  protocol: string
  app_protocol?: string
}

const long = struct(
  {
    name: string,
    mode: oneOf('host', 'ingress'),
    host_ip: string,
    target: text,
    published: text,
    protocol: text,
    app_protocol: string,
  },
  ['target'],
)

/** All the ports, each once; ranges drawn apart. */
export const ports: Decoder<PortConfig[]> = (node, path) => {
  const found = asList(node, path).items.flatMap((item, i) => onePort(item, `${path}.${i}`))
  const byKey = new Map(
    found.map(port => [`${port.host_ip ?? ''}:${port.published ?? ''}:${port.target}/${port.protocol}`, port]),
  )
  return [...byKey.values()]
}

function onePort(node: Node, path: string): PortConfig[] {
  if (node.kind !== 'map') return parseShort(text(node, path), node)
  const { target = '', published, protocol = 'tcp', mode = 'ingress', ...rest } = long(node, path)
  if (rest.host_ip && !isIP(rest.host_ip)) fail(node, `${path}: invalid IP address: ${rest.host_ip}`)
  const parts = spread(node, target, published ?? '', protocol.toLowerCase())
  return parts.map(part => ({ mode, ...rest, ...part }))
}

/** `[[address:]published:]target[/protocol]` */
function parseShort(written: string, node: Node): PortConfig[] {
  const [, address = '', published, targetPart = ''] = /^(?:(?:(\[.*\]|.*):)?([^:]*):)?([^:]*)$/s.exec(written) ?? []
  const [target = '', protocol = 'tcp', ...more] = targetPart.split('/')
  const host_ip = address.replace(/^\[(.*)\]$/, '$1')
  if (host_ip && !isIP(host_ip)) fail(node, `invalid IP address: ${host_ip}`)
  if (target === '' || more.length > 0) fail(node, `No port specified: ${written}<empty>`)
  return spread(node, target, published ?? '', protocol.toLowerCase()).map(port => ({
    mode: 'ingress',
    ...(host_ip && { host_ip }),
    ...port,
  }))
}

type Basics = Pick<PortConfig, 'target' | 'published' | 'protocol'>

function spread(node: Node, target: string, published: string, protocol: string): Basics[] {
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) fail(node, `Invalid proto: ${protocol}`)
  const inside = range(target) ?? fail(node, `Invalid containerPort: ${target}`)
  if (published === '') return count(inside).map(port => ({ target: port, protocol }))
  const outside = range(published) ?? fail(node, `Invalid hostPort: ${published}`)
  const size = inside.to - inside.from
  if (size === 0) return [{ target: inside.from, published, protocol }]
  if (outside.to - outside.from !== size)
    fail(node, `Invalid ranges specified for container and host Ports: ${target} and ${published}`)
  return count(inside).map((port, i) => ({ target: port, published: String(outside.from + i), protocol }))
}

interface Range {
  readonly from: number
  readonly to: number
}

function range(written: string): Range | undefined {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(written) ?? []
  const [from, to] = [Number(first), Number(last)]
  return first !== undefined && from <= to && to <= 65535 ? { from, to } : undefined
}

const count = ({ from, to }: Range): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** `expose`: ports and ranges with a protocol, as texts. */
export const expose: Decoder<string[]> = (node, path) =>
  list(text)(node, path).map((port, i) => {
    const at = asList(node, path).items[i] ?? node
    return /^\d+(-\d+)?(\/(tcp|udp|sctp))?$/i.test(port)
      ? port
      : fail(at, `${path}.${i}: invalid port ${JSON.stringify(port)}`)
  })

/** 8000-8002/tcp as three ports of the API. */
export function exposedPorts(written: string): string[] {
  const [ports = '', protocol = 'tcp'] = written.toLowerCase().split('/')
  const found = range(ports)
  return found ? count(found).map(port => `${port}/${protocol}`) : []
}
