/** `os[/architecture[/variant]]`, as images and users write it. Source: containerd's package platforms, whose rules Docker's are. */

import { InvalidParameter } from '../kernel/errors.ts'

export interface Platform {
  os: string
  architecture: string
  /** '' for none. */
  variant: string
}

const ALIASES: Record<string, [architecture: string, variant: string]> = {
  i386: ['386', ''],
  x86_64: ['amd64', ''],
  'x86-64': ['amd64', ''],
  aarch64: ['arm64', ''],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
}
const ARCHITECTURES = 'amd64 386 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(
  ' ',
)
const COMPONENT = /^[a-z0-9_.-]+$/
const SYSTEMS = 'linux windows darwin freebsd wasip1 js'.split(' ')
const NODE_ARCHITECTURES: Record<string, string> = { x64: 'amd64', ia32: '386' }

export const thisPlatform = (): Platform => ({
  os: 'linux',
  architecture: NODE_ARCHITECTURES[process.arch] ?? process.arch,
  variant: '',
})

/** One word may be a system or an architecture. @throws InvalidParameter in Docker's words */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/')
  const bad = parts.find(part => !COMPONENT.test(part))
  if (bad !== undefined)
    throw new InvalidParameter(
      `"${bad}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument`,
    )
  if (parts.length > 3) throw new InvalidParameter(`"${text}": cannot parse platform specifier: invalid argument`)
  const [first = '', second, third = ''] = parts
  if (second !== undefined) return normal({ os: first, architecture: second, variant: third })
  const own = thisPlatform()
  if (SYSTEMS.includes(first)) return { ...own, os: first }
  if (ARCHITECTURES.includes(first) || first in ALIASES) return normal({ ...own, architecture: first })
  throw new InvalidParameter(`"${text}": unknown operating system or architecture: invalid argument`)
}

/** One name for what has several, and no variant where it is the usual one. */
export function normal({ os, architecture, variant }: Platform): Platform {
  const [known, knownVariant] = ALIASES[architecture] ?? [architecture, '']
  const wanted = (variant || knownVariant).replace(/^(\d)/, 'v$1')
  const isUsual = (known === 'arm64' && wanted === 'v8') || (known === 'amd64' && wanted === 'v1')
  return { os, architecture: known, variant: isUsual ? '' : known === 'arm' && wanted === '' ? 'v7' : wanted }
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant === '' ? [] : [variant])].join('/')

/** What a machine of this platform can run, the best first. */
export function runnable(platform: Platform): Platform[] {
  const { os, architecture, variant } = normal(platform)
  const of = (name: string, kind = ''): Platform => ({ os, architecture: name, variant: kind })
  const downTo = (name: string, from: number, to: number): Platform[] =>
    Array.from({ length: Math.max(from - to + 1, 0) }, (_, i) => of(name, `v${from - i}`))
  if (architecture === 'arm') return downTo('arm', Number(variant.slice(1)) || 7, 5)
  if (architecture === 'arm64') return [of('arm64', variant), ...(variant ? [of('arm64')] : []), ...downTo('arm', 8, 5)]
  if (architecture === 'amd64') {
    const level = Number(variant.slice(1)) || 1
    return [...downTo('amd64', level, 2), of('amd64'), of('386')]
  }
  return [of(architecture, variant)]
}

export const isSame = (a: Platform, b: Platform): boolean => formatPlatform(normal(a)) === formatPlatform(normal(b))
