/** --mount type=…,source=…,target=…. The words of mistakes are Docker's. */

import { parseSize } from '../output/sizes.ts'
import { csvFields } from './csv.ts'

export interface Mount {
  Type: string
  Source?: string
  Target?: string
  ReadOnly?: boolean
  Consistency?: string
  BindOptions?: {
    Propagation?: string
    NonRecursive?: boolean
    ReadOnlyNonRecursive?: boolean
    ReadOnlyForceRecursive?: boolean
  }
  VolumeOptions?: {
    NoCopy?: boolean
    Subpath?: string
    Labels?: Record<string, string>
    DriverConfig?: { Name?: string; Options?: Record<string, string> }
  }
  ImageOptions?: { Subpath?: string }
  TmpfsOptions?: { SizeBytes?: number; Mode?: number }
}

type Setter = (mount: Mount, value: string, key: string) => void

const bind = (mount: Mount) => (mount.BindOptions ??= {})
const volume = (mount: Mount) => (mount.VolumeOptions ??= {})
const driver = (mount: Mount) => (volume(mount).DriverConfig ??= {})
const tmpfs = (mount: Mount) => (mount.TmpfsOptions ??= {})

const setSource: Setter = (mount, value) => {
  mount.Source = value
}
const setTarget: Setter = (mount, value) => {
  mount.Target = value
}
const setReadOnly: Setter = (mount, value, key) => {
  mount.ReadOnly = flag(key, value)
}

const KEYS: Readonly<Record<string, Setter>> = {
  type: (mount, value) => {
    mount.Type = value.toLowerCase()
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase()
  },
  'bind-propagation': (mount, value) => {
    bind(mount).Propagation = value.toLowerCase()
  },
  'bind-nonrecursive': (mount, value, key) => {
    bind(mount).NonRecursive = flag(key, value)
  },
  'bind-recursive': setRecursive,
  'volume-nocopy': (mount, value, key) => {
    volume(mount).NoCopy = flag(key, value)
  },
  'volume-subpath': (mount, value) => {
    volume(mount).Subpath = value
  },
  'volume-label': (mount, value) => {
    volume(mount).Labels = { ...volume(mount).Labels, [before(value)]: after(value) }
  },
  'volume-driver': (mount, value) => {
    driver(mount).Name = value
  },
  'volume-opt': (mount, value) => {
    driver(mount).Options = { ...driver(mount).Options, [before(value)]: after(value) }
  },
  'image-subpath': (mount, value) => {
    mount.ImageOptions = { Subpath: value }
  },
  'tmpfs-size': (mount, value, key) => {
    tmpfs(mount).SizeBytes = parseOr(() => parseSize(value), key, value)
  },
  'tmpfs-mode': (mount, value, key) => {
    if (!/^[0-7]+$/.test(value)) throw invalid(key, value)
    tmpfs(mount).Mode = Number.parseInt(value, 8)
  },
}

/** Keys that may stand without a value. */
const SWITCHES = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive'])

/** @throws Error */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' }
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=')
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase()
    if (equals < 0 && !SWITCHES.has(key)) throw new Error(`invalid field '${field}' must be a key=value pair`)
    const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined
    if (!set) throw new Error(`unexpected key '${key}' in '${field}'`)
    set(mount, equals < 0 ? 'true' : field.slice(equals + 1), key)
  }
  check(mount)
  return mount
}

const OPTIONS_OF = {
  BindOptions: 'bind',
  VolumeOptions: 'volume',
  ImageOptions: 'image',
  TmpfsOptions: 'tmpfs',
} as const

function check(mount: Mount): void {
  if (!mount.Type) throw new Error('type is required')
  if (!mount.Target) throw new Error('target is required')
  if (mount.BindOptions?.ReadOnlyForceRecursive) {
    if (!mount.ReadOnly)
      throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction")
    if (mount.BindOptions.Propagation !== 'rprivate')
      throw new Error(
        "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
      )
  }
  for (const [options, type] of Object.entries(OPTIONS_OF)) {
    if (mount[options as keyof typeof OPTIONS_OF] && mount.Type !== type)
      throw new Error(`cannot mix '${type}-*' options with mount type '${mount.Type}'`)
  }
}

function setRecursive(mount: Mount, value: string, key: string): void {
  switch (value) {
    case 'enabled':
      return
    case 'disabled':
      bind(mount).NonRecursive = true
      return
    case 'writable':
      bind(mount).ReadOnlyNonRecursive = true
      return
    case 'readonly':
      bind(mount).ReadOnlyForceRecursive = true
      return
    default:
      throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`)
  }
}

const invalid = (key: string, value: string): Error => new Error(`invalid value for ${key}: ${value}`)

function parseOr(parse: () => number, key: string, value: string): number {
  try {
    return parse()
  } catch {
    throw invalid(key, value)
  }
}

function flag(key: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw invalid(key, value)
}

const before = (text: string): string => text.split('=', 1)[0] ?? ''
const after = (text: string): string => text.slice(before(text).length + 1)
