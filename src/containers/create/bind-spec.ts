/** `-v [SOURCE:]TARGET[:MODE]`, read as Docker reads it. */

import { posix } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'
import { checkTarget } from '../spec/tmpfs.ts'
import type { ContainerMount } from '../store/record.ts'

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']
/** At most one of each. What :z and :Z ask for exists with SELinux only; consistency is a matter of Docker's own VMs. */
const KINDS: readonly (readonly string[])[] = [
  ['rw', 'ro'],
  ['z', 'Z'],
  PROPAGATIONS,
  ['nocopy'],
  ['consistent', 'cached', 'delegated'],
]

export interface Mode {
  text: string
  rw: boolean
  propagation: string
  copyUp: boolean
}

/** @throws InvalidParameter `invalid mode: x` */
export function parseMode(text: string): Mode {
  const words = text === '' ? [] : text.split(',')
  const wellFormed =
    words.every(word => KINDS.some(kind => kind.includes(word))) &&
    KINDS.every(kind => words.filter(word => kind.includes(word)).length <= 1)
  if (!wellFormed) throw new InvalidParameter(`invalid mode: ${text}`)
  return {
    text,
    rw: !words.includes('ro'),
    propagation: words.find(word => PROPAGATIONS.includes(word)) ?? '',
    copyUp: !words.includes('nocopy'),
  }
}

const isMode = (text: string): boolean => text.split(',').every(word => KINDS.some(kind => kind.includes(word)))

/** What a mount is like unless something else is said. */
export const PLAIN_MOUNT: Omit<ContainerMount, 'type' | 'destination'> = {
  name: '',
  source: '',
  driver: '',
  mode: '',
  rw: true,
  propagation: '',
  createSource: false,
  recursive: true,
  readonlyNonRecursive: false,
  copyUp: false,
  anonymous: false,
  subpath: '',
  tmpfsOptions: [],
  unlisted: false,
}

/** A bind or a volume; the volume is not looked up or made yet: name '' asks for an anonymous one. @throws InvalidParameter */
export function parseBind(spec: string, volumeDriver: string): ContainerMount {
  const { source, target, mode } = split(spec)
  const type = source.startsWith('/') ? 'bind' : 'volume'
  try {
    checkTarget(target)
  } catch (error) {
    if (!(error instanceof InvalidParameter)) throw error
    throw new InvalidParameter(
      `invalid volume specification: '${spec}': invalid mount config for type "${type}": ${error.message}`,
    )
  }
  const { rw, propagation, copyUp } = parseMode(mode)
  const destination = cleanPath(target)
  if (type === 'bind') {
    if (!copyUp) throw misplaced(spec, type, 'VolumeOptions')
    const from = cleanPath(source)
    const bind = { ...PLAIN_MOUNT, type, source: from, destination, mode, rw, createSource: true } as const
    return { ...bind, propagation: propagation || 'rprivate' }
  }
  if (propagation !== '') throw misplaced(spec, type, 'BindOptions')
  return { ...PLAIN_MOUNT, type, name: source, destination, driver: volumeDriver, mode: mode || 'z', rw, copyUp }
}

const misplaced = (spec: string, type: string, options: string): InvalidParameter =>
  new InvalidParameter(
    `invalid volume specification: '${spec}': invalid mount config for type "${type}": field ${options} must not be specified`,
  )

function split(spec: string): { source: string; target: string; mode: string } {
  const parts = spec.split(':')
  const [first = '', second = '', third = ''] = parts
  const malformed = parts.some(part => part === '') || parts.length > 3 || (parts.length === 2 && isMode(second))
  if (malformed) throw new InvalidParameter(`invalid volume specification: '${spec}'`)
  if (parts.length === 1) return { source: '', target: first, mode: '' }
  return { source: first, target: second, mode: third }
}

/** '/a//b/../c/' is '/a/c'. Lexically: the kernel resolves links, inside the root, when it mounts. */
export const cleanPath = (path: string): string => posix.normalize(path).replace(/(.)\/+$/, '$1')

export const isPropagation = (text: string): boolean => PROPAGATIONS.includes(text)
