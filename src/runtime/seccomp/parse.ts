/**
 * Docker's profile format (JSON), as `--security-opt seccomp=FILE` sends its content. What is wrong with it is said in Docker's words.
 * Format: https://docs.docker.com/engine/security/seccomp/
 */

import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'
import {
  type ArgumentRule,
  AUDIT_ARCH,
  COMPARE,
  type SeccompArchitecture,
  type SeccompOperator,
} from '../../kernel/seccomp.ts'
import { SECCOMP_FLAGS } from '../../program/flags.ts'
import {
  ACTIONS,
  ALWAYS,
  type Condition,
  type SeccompAction,
  type SeccompProfile,
  type SeccompRule,
} from './profile.ts'

type Json = Record<string, unknown>

const fail = (words: string): never => {
  throw new InvalidParameter(words)
}

const NO_SUBARCHITECTURE_OF_OURS = /^SCMP_ARCH_(MIPS|PPC|S390|PARISC|RISCV|LOONGARCH|M68K|SH)/

/** @throws InvalidParameter, NotImplemented */
export function parseSeccompProfile(text: string): SeccompProfile {
  const json = object(decode(text), 'profile')
  const actionName = string(json.defaultAction, 'defaultAction')
  if (actionName === '') fail('seccomp profile has no defaultAction')
  return {
    defaultAction: action(actionName),
    defaultErrno: number(json.defaultErrnoRet, 'defaultErrnoRet'),
    architectures: architectures(json),
    rules: list(json.syscalls, 'syscalls').map(entry => rule(object(entry, 'syscalls'))),
    flags: list(json.flags, 'flags').map(entry => flag(string(entry, 'flags'))),
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InvalidParameter(`decoding seccomp profile failed: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

/** As Docker's decoder words it: `json: cannot unmarshal string into Go struct field …`. */
const mismatch = (found: unknown, field: string): never =>
  fail(
    `decoding seccomp profile failed: json: cannot unmarshal ${Array.isArray(found) ? 'array' : typeof found} into field ${field}`,
  )

const object = (value: unknown, field: string): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : mismatch(value, field)
const list = (value: unknown, field: string): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : mismatch(value, field)
const string = (value: unknown, field: string): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : mismatch(value, field)
const strings = (value: unknown, field: string): string[] => list(value, field).map(entry => string(entry, field))
const number = (value: unknown, field: string): number | null =>
  value === undefined || value === null
    ? null
    : Number.isSafeInteger(value) && Number(value) >= 0
      ? Number(value)
      : mismatch(value, field)

function action(name: string): SeccompAction {
  if (name === 'SCMP_ACT_NOTIFY')
    throw new NotImplemented('seccomp profiles with SCMP_ACT_NOTIFY (a listener) are not supported')
  return name in ACTIONS ? (name as SeccompAction) : fail(`string ${name} is not a valid action for seccomp`)
}

const flag = (name: string): string => (name in SECCOMP_FLAGS ? name : fail(`seccomp flag "${name}" is not supported`))

function architecture(name: string): SeccompArchitecture | null {
  if (name in AUDIT_ARCH) return name as SeccompArchitecture
  return NO_SUBARCHITECTURE_OF_OURS.test(name) ? null : fail(`string ${name} is not a valid arch for seccomp`)
}

const known = (names: readonly string[]): SeccompArchitecture[] => names.map(architecture).filter(name => name !== null)

/** `archMap` says for each architecture which others come with it; `architectures` is the older, flat list. */
function architectures(json: Json): SeccompProfile['architectures'] {
  const flat = strings(json.architectures, 'architectures')
  const map = list(json.archMap, 'archMap').map(entry => object(entry, 'archMap'))
  if (flat.length > 0 && map.length > 0) {
    fail(
      "both 'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
    )
  }
  if (flat.length > 0) {
    const all = known(flat)
    return Object.fromEntries(all.map(native => [native, all]))
  }
  const entries = map.flatMap(entry => {
    const native = architecture(string(entry.architecture, 'archMap.architecture'))
    return native === null ? [] : [[native, known(strings(entry.subArchitectures, 'archMap.subArchitectures'))]]
  })
  return Object.fromEntries(entries) as SeccompProfile['architectures']
}

function rule(json: Json): SeccompRule {
  const name = string(json.name, 'syscalls.name')
  const names = strings(json.names, 'syscalls.names')
  if (name !== '' && names.length > 0) {
    fail("both 'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'")
  }
  return {
    names: name === '' ? names : [name],
    action: action(string(json.action, 'syscalls.action')),
    errno: number(json.errnoRet, 'syscalls.errnoRet'),
    args: list(json.args, 'syscalls.args').map(entry => argument(object(entry, 'syscalls.args'))),
    includes: condition(json.includes, 'syscalls.includes'),
    excludes: condition(json.excludes, 'syscalls.excludes'),
  }
}

function argument(json: Json): ArgumentRule {
  const op = string(json.op, 'args.op')
  if (!(op in COMPARE)) fail(`string ${op} is not a valid operator for seccomp`)
  const index = number(json.index, 'args.index') ?? 0
  if (index > 5) fail(`seccomp argument index ${index} is out of range: a system call has at most six arguments`)
  return {
    index,
    op: op as SeccompOperator,
    value: BigInt(number(json.value, 'args.value') ?? 0),
    valueTwo: BigInt(number(json.valueTwo, 'args.valueTwo') ?? 0),
  }
}

function condition(value: unknown, field: string): Condition {
  if (value === undefined || value === null) return ALWAYS
  const json = object(value, field)
  return {
    caps: strings(json.caps, `${field}.caps`),
    arches: strings(json.arches, `${field}.arches`),
    minKernel: kernelVersion(string(json.minKernel, `${field}.minKernel`)),
  }
}

function kernelVersion(text: string): [number, number] | null {
  if (text === '') return null
  const match = /^(\d+)\.(\d+)$/.exec(text)
  if (!match) return fail(`invalid kernel version: "${text}"`)
  return [Number(match[1]), Number(match[2])]
}
