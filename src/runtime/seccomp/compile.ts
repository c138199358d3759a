/** From a profile and a container's capabilities to a filter for its program. */

import { release } from 'node:os'
import { arch } from 'node:process'
import { NotImplemented } from '../../kernel/errors.ts'
import {
  AUDIT_ARCH,
  compileFilter,
  type FilterRule,
  highestNumber,
  type SeccompArchitecture,
} from '../../kernel/seccomp.ts'
import type { SeccompFilter } from '../spec.ts'
import { prependUnknownCalls } from './enosys.ts'
import { ACTIONS, type Condition, type SeccompProfile, type SeccompRule } from './profile.ts'

const EPERM = 1

/** The same machine in three vocabularies. */
const NATIVE: Record<string, { go: string; scmp: SeccompArchitecture }> = {
  x64: { go: 'amd64', scmp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', scmp: 'SCMP_ARCH_AARCH64' },
}

export interface Machine {
  go: string
  scmp: SeccompArchitecture
  kernel: readonly [number, number]
}

/** @throws NotImplemented on an architecture without a table */
export function thisMachine(): Machine {
  const native = NATIVE[arch]
  if (!native) throw new NotImplemented(`skiff has no seccomp filters for ${arch}`)
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return { ...native, kernel: [major, minor] }
}

const cache = new Map<SeccompProfile, Map<string, Buffer>>()

/** Compiled once per profile and set of capabilities: it takes some milliseconds. `name` is what listings call it. */
export function compileSeccomp(profile: SeccompProfile, name: string, capabilities: readonly string[]): SeccompFilter {
  const key = [...capabilities].sort().join()
  const compiled = cache.get(profile) ?? new Map<string, Buffer>()
  cache.set(profile, compiled)
  const instructions = compiled.get(key) ?? compile(profile, capabilities, thisMachine())
  compiled.set(key, instructions)
  return { instructions, flags: profile.flags, name }
}

function compile(profile: SeccompProfile, capabilities: readonly string[], machine: Machine): Buffer {
  const defaultAction = actionValue(profile.defaultAction, profile.defaultErrno)
  const effective = profile.rules.filter(rule => applies(rule, capabilities, machine))
  const extra = profile.architectures[machine.scmp] ?? []
  const rules = effective.flatMap(rule => expand(rule)).filter(rule => rule.action !== defaultAction)
  const filter = compileFilter({ defaultAction, architectures: extra, rules })
  if (allowsByDefault(profile)) return filter
  const names = new Set(effective.flatMap(rule => rule.names))
  const limits = [machine.scmp, ...extra].map(architecture => ({
    architecture: AUDIT_ARCH[architecture],
    highest: highestNumber(architecture, names),
  }))
  return prependUnknownCalls(filter, limits)
}

/** A profile that lists what is forbidden says nothing about calls that it has never heard of. */
const allowsByDefault = ({ defaultAction }: SeccompProfile): boolean =>
  ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(defaultAction)

const actionValue = (action: keyof typeof ACTIONS, errno: number | null): number =>
  ACTIONS[action] + (action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? (errno ?? EPERM) : 0)

export function applies(rule: SeccompRule, capabilities: readonly string[], machine: Machine): boolean {
  const { includes, excludes } = rule
  const isOld = (minimum: Condition['minKernel']): boolean =>
    minimum !== null && (machine.kernel[0] - minimum[0] || machine.kernel[1] - minimum[1]) < 0
  if (includes.arches.length > 0 && !includes.arches.includes(machine.go)) return false
  if (!includes.caps.every(cap => capabilities.includes(cap))) return false
  if (isOld(includes.minKernel)) return false
  if (excludes.arches.includes(machine.go)) return false
  if (excludes.caps.some(cap => capabilities.includes(cap))) return false
  return excludes.minKernel === null || isOld(excludes.minKernel)
}

/** A rule for each name; libseccomp cannot join two conditions on one argument: each is then a rule of its own. */
function expand({ names, action, errno, args }: SeccompRule): FilterRule[] {
  const value = actionValue(action, errno)
  const indexes = new Set(args.map(arg => arg.index))
  const alternatives = indexes.size === args.length ? [args] : args.map(arg => [arg])
  return names.flatMap(name => alternatives.map(conditions => ({ name, action: value, args: conditions })))
}
