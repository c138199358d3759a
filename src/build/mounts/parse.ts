/** RUN --mount, checked. Dockerfile reference, "RUN --mount". */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { RunMount } from '../dockerfile/types.ts'
import { mountFields } from './fields.ts'
import { parseSize } from './size.ts'

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const
type MountType = RunMount['type']

/** What each type knows, besides `type`. */
const KNOWN: Record<MountType, readonly string[]> = {
  bind: ['target', 'source', 'from', 'readonly'],
  cache: ['target', 'source', 'from', 'readonly', 'id', 'sharing', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['target', 'id', 'required', 'mode', 'uid', 'gid', 'env'],
  ssh: ['target', 'id', 'required', 'mode', 'uid', 'gid'],
}
const SPELLINGS: Record<string, string> = { dst: 'target', destination: 'target', src: 'source', ro: 'readonly' }

/** @throws InvalidParameter. `word` expands variables. */
export function parseRunMount(text: string, word: (text: string) => string): RunMount {
  const fields = mountFields(text)
  const type = fields.get('type') ?? 'bind'
  if (!isType(type)) throw new InvalidParameter(`unsupported mount type ${JSON.stringify(type)}`)
  fields.delete('type')
  const known = new Map<string, string>()
  for (const [key, value] of fields) {
    const name = SPELLINGS[key] ?? key
    const isWritable = key === 'rw' || key === 'readwrite'
    if (isWritable ? !KNOWN[type].includes('readonly') : !nameKnown(type, name)) {
      throw new InvalidParameter(`unexpected key '${key}' in '${key}=${value}' for mount type '${type}'`)
    }
    if (isWritable) known.set('readonly', String(!flag(key, value)))
    else known.set(name, name === 'from' ? value : word(value))
  }
  return complete(type, known)
}

const isType = (text: string): text is MountType => TYPES.some(type => type === text)
// Docker lets `source` stand for a secret's id.
const nameKnown = (type: MountType, name: string): boolean =>
  KNOWN[type].includes(name) || (type === 'secret' && name === 'source')

function complete(type: MountType, fields: ReadonlyMap<string, string>): RunMount {
  const text = (name: string): string => fields.get(name) ?? ''
  const mount: RunMount = {
    type,
    target: text('target'),
    source: type === 'secret' ? '' : text('source'),
    from: text('from'),
    readonly: fields.has('readonly') ? flag('readonly', text('readonly')) : null,
    id: text('id') || (type === 'secret' ? text('source') : ''),
    sharing: sharing(text('sharing')),
    required: fields.has('required') && flag('required', text('required')),
    mode: number('mode', fields.get('mode'), 8),
    uid: number('uid', fields.get('uid'), 10),
    gid: number('gid', fields.get('gid'), 10),
    sizeBytes: fields.has('size') ? parseSize(text('size')) : null,
    env: text('env'),
  }
  check(mount)
  return mount
}

function check({ type, target, id, env }: RunMount): void {
  if (['bind', 'cache', 'tmpfs'].includes(type)) {
    if (target === '') throw new InvalidParameter(`--mount=type=${type} requires a target`)
    if (target === '/') throw new InvalidParameter(`invalid mount target "/"`)
  }
  if (type === 'secret' && id === '' && target === '') {
    throw new InvalidParameter('invalid secret mount: one of id, target is required')
  }
  if (env !== '' && !/^[A-Za-z_]\w*$/.test(env)) throw new InvalidParameter(`invalid secret env: ${env}`)
}

/** A key alone means yes. */
function flag(name: string, text: string): boolean {
  if (text === '' || /^(1|t|true)$/i.test(text)) return true
  if (/^(0|f|false)$/i.test(text)) return false
  throw new InvalidParameter(`invalid value for ${name}: ${text}`)
}

function sharing(text: string): RunMount['sharing'] {
  if (text === '' || text === 'shared') return 'shared'
  if (text === 'private' || text === 'locked') return text
  throw new InvalidParameter(`unsupported sharing value ${JSON.stringify(text)}`)
}

function number(name: string, text: string | undefined, base: 8 | 10): number | null {
  if (text === undefined) return null
  if (!(base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text)) throw new InvalidParameter(`invalid value ${text} for ${name}`)
  return Number.parseInt(text, base)
}
