/** A service's volumes, short and long. Source: compose-spec, "volumes". */

import { posix } from 'node:path'
import type { Node } from '../source/node.ts'
import { asList, bool, bytes, type Decoder, fail, fileMode, labels, oneOf, refused, string, struct } from './decode.ts'
import { localPath } from './paths.ts'

export interface MountConfig {
  type: 'volume' | 'bind' | 'tmpfs'
  /** A path of this machine, or a volume's name; nothing for an anonymous volume. */
  source?: string
  target: string
  read_only?: boolean
  consistency?: string
  bind?: { propagation?: string; create_host_path?: boolean; recursive?: string; selinux?: string }
  volume?: { nocopy?: boolean; subpath?: string; labels?: Record<string, string> }
  tmpfs?: { size?: number; mode?: number }
}

const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave']

const long = struct(
  {
    type: oneOf('volume', 'bind', 'tmpfs', 'image', 'npipe', 'cluster'),
    source: string,
    target: string,
    read_only: bool,
    consistency: oneOf('', 'consistent', 'cached', 'delegated'),
    bind: struct({
      propagation: oneOf(...PROPAGATIONS),
      create_host_path: bool,
      recursive: oneOf('enabled', 'disabled', 'writable', 'readonly'),
      selinux: oneOf('z', 'Z'),
    }),
    volume: struct({ nocopy: bool, subpath: string, labels }),
    tmpfs: struct({ size: bytes, mode: fileMode }),
    image: struct({ subpath: string }),
  },
  ['type', 'target'],
)

/** Of several mounts at one place the last one counts. */
export const mounts: Decoder<MountConfig[]> = (node, path) => {
  const found = asList(node, path).items.map((item, i) => oneMount(item, `${path}.${i}`))
  return [...new Map(found.map(mount => [mount.target, mount])).values()]
}

function oneMount(node: Node, path: string): MountConfig {
  return node.kind === 'map' ? longMount(node, path) : shortMount(string(node, path), node, path)
}

function longMount(node: Node, path: string): MountConfig {
  const { type = 'volume', source, target = '', image, ...rest } = long(node, path)
  if (type === 'image' || type === 'npipe' || type === 'cluster' || image)
    return refused(`a mount of type ${type} needs what this engine does not have`)(node, path)
  if (type === 'bind' && !source)
    fail(node, `${path}: invalid mount config for type "bind": field Source must not be empty`)
  if (type === 'tmpfs' && source) fail(node, `${path}: a tmpfs has no source`)
  for (const options of ['bind', 'volume', 'tmpfs'] as const)
    if (rest[options] && options !== type)
      fail(node, `${path}: options of a ${options} do not fit a mount of type ${type}`)
  return {
    type,
    ...(source && { source: type === 'bind' ? localPath(source, node.at) : source }),
    target: cleanTarget(target, node, path),
    ...rest,
    ...(type === 'bind' && { bind: { create_host_path: true, ...rest.bind } }),
    ...(type === 'volume' && { volume: rest.volume ?? {} }),
  }
}

/** `[source:]target[:mode]` */
function shortMount(written: string, node: Node, path: string): MountConfig {
  const parts = written.split(':')
  if (written === '' || parts.length > 3 || parts.some(part => part === ''))
    fail(
      node,
      `${path}: invalid spec: ${written}: ${written === '' ? 'empty volume spec' : parts.length > 3 ? 'too many colons' : 'empty section between colons'}`,
    )
  const [first = '', second, modes = ''] = parts
  if (second === undefined) return { type: 'volume', target: cleanTarget(first, node, path), volume: {} }
  const isPath = /^[./~]/.test(first)
  const mount: MountConfig = isPath
    ? {
        type: 'bind',
        source: localPath(first, node.at),
        target: cleanTarget(second, node, path),
        bind: { create_host_path: true },
      }
    : { type: 'volume', source: first, target: cleanTarget(second, node, path), volume: {} }
  for (const mode of modes === '' ? [] : modes.split(',')) applyMode(mount, mode, node, path)
  return mount
}

function applyMode(mount: MountConfig, mode: string, node: Node, path: string): void {
  if (mode === 'ro') mount.read_only = true
  else if (mode === 'rw') return
  else if (mode === 'nocopy' && mount.volume) mount.volume.nocopy = true
  else if ((mode === 'z' || mode === 'Z') && mount.bind) mount.bind.selinux = mode
  else if (mode === 'z' || mode === 'Z') return
  else if (PROPAGATIONS.includes(mode) && mount.bind) mount.bind.propagation = mode
  else if (['consistent', 'cached', 'delegated'].includes(mode)) mount.consistency = mode
  else fail(node, `${path}: invalid mode: ${mode}`)
}

function cleanTarget(target: string, node: Node, path: string): string {
  if (!target.startsWith('/')) fail(node, `${path}: invalid mount path: '${target}' mount path must be absolute`)
  const clean = posix.normalize(target)
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean
}
