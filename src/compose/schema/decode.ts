/**
 * From nodes to typed values: what a key may hold is written once, as a decoder, and the type of the model follows from it.
 * Texts are taken for numbers and truth values, as interpolation makes nothing but texts.
 */

import { ComposeError } from '../errors.ts'
import type { ListNode, MapNode, Node } from '../source/node.ts'
import { toPlain } from '../source/node.ts'

/** `path` is where the value belongs, as users name it: `services.web.ports.0`. @throws ComposeError */
export type Decoder<T> = (node: Node, path: string) => T
export type Decoded<D> = D extends Decoder<infer T> ? T : never

export const fail = (node: Node, message: string): never => {
  throw new ComposeError(message, node.at)
}

/** A value of several kinds, described as the user should write it. */
const mustBe = (node: Node, path: string, what: string): never => fail(node, `${path} must be ${what}`)

export const string: Decoder<string> = (node, path) =>
  node.kind === 'scalar' && typeof node.value === 'string' ? node.value : mustBe(node, path, 'a string')

/** A string, or what YAML took for a number or truth value. */
export const text: Decoder<string> = (node, path) => {
  if (node.kind !== 'scalar' || node.value === null) return mustBe(node, path, 'a string, number or boolean')
  // Integers beyond 2^53 as they are written.
  return typeof node.value === 'number' && /^-?\d+$/.test(node.text) && !Number.isSafeInteger(node.value)
    ? node.text
    : String(node.value)
}

export const number: Decoder<number> = (node, path) => {
  const value =
    node.kind === 'scalar' && node.value !== '' && typeof node.value !== 'boolean' && node.value !== null
      ? Number(node.value)
      : Number.NaN
  return Number.isNaN(value) ? mustBe(node, path, 'a number') : value
}

export const int: Decoder<number> = (node, path) => {
  const value = number(node, path)
  return Number.isInteger(value) ? value : mustBe(node, path, 'an integer')
}

export const natural: Decoder<number> = (node, path) => {
  const value = int(node, path)
  return value >= 0 ? value : fail(node, `${path} must be greater than or equal to 0`)
}

const TRUE = /^(true|yes|y|on|1)$/i
const FALSE = /^(false|no|n|off|0)$/i

export const bool: Decoder<boolean> = (node, path) => {
  if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value
  if (node.kind === 'scalar' && typeof node.value === 'string') {
    if (TRUE.test(node.value)) return true
    if (FALSE.test(node.value)) return false
  }
  return mustBe(node, path, 'a boolean')
}

/** File permissions: `0440` is octal, with or without quotes. */
export const fileMode: Decoder<number> = (node, path) => {
  if (node.kind === 'scalar' && /^0?o?[0-7]+$/.test(node.text) && /^(0|.*["'])/.test(node.text))
    return Number.parseInt(node.text.replace('o', ''), 8)
  if (node.kind === 'scalar' && typeof node.value === 'string' && /^[0-7]+$/.test(node.value))
    return Number.parseInt(node.value, 8)
  return natural(node, path)
}

const SIZE_UNITS = 'bkmgtp'

/** 64m, 1.5gb, 512: bytes; units are powers of 1024. */
export const bytes: Decoder<number> = (node, path) => {
  const written = text(node, path)
  const [, value, unit = ''] = /^(-?\d+(?:\.\d+)?|-?\.\d+)\s*([a-z]*)$/i.exec(written) ?? []
  const power = unit === '' ? 0 : SIZE_UNITS.indexOf(unit[0]?.toLowerCase() ?? '')
  if (value === undefined || power < 0 || !/^(b|[kmgtp](i?b)?)?$/i.test(unit))
    return fail(node, `${path}: invalid size: '${written}'`)
  return Math.trunc(Number(value) * 1024 ** power)
}

/** A duration that stays a text: 1m30s. */
export const duration: Decoder<string> = (node, path) => {
  const written = text(node, path)
  try {
    nanoseconds(written)
  } catch {
    return fail(node, `${path}: invalid duration ${JSON.stringify(written)}`)
  }
  return written
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 24 * 3600e9,
  w: 7 * 24 * 3600e9,
}

/** @throws Error */
export function nanoseconds(written: string): number {
  if (/^[+-]?0$/.test(written)) return 0
  const sign = written.startsWith('-') ? -1 : 1
  let rest = written.replace(/^[+-]/, '')
  let total = 0
  if (rest === '') throw new Error('empty duration')
  while (rest !== '') {
    const [taken, value, unit = ''] = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)/.exec(rest) ?? []
    if (taken === undefined) throw new Error(`invalid duration ${JSON.stringify(written)}`)
    total += Number(value) * (DURATION_UNITS[unit] ?? 0)
    rest = rest.slice(taken.length)
  }
  return sign * Math.trunc(total)
}

export const oneOf =
  <T extends string>(...allowed: readonly T[]): Decoder<T> =>
  (node, path) => {
    const value = string(node, path)
    return allowed.includes(value as T)
      ? (value as T)
      : fail(node, `${path} must be one of ${allowed.map(item => `"${item}"`).join(', ')}`)
  }

export const asList = (node: Node, path: string): ListNode =>
  node.kind === 'list' ? node : mustBe(node, path, 'a list')
export const asMap = (node: Node, path: string): MapNode =>
  node.kind === 'map' ? node : mustBe(node, path, 'a mapping')

export const list =
  <T>(item: Decoder<T>): Decoder<T[]> =>
  (node, path) =>
    asList(node, path).items.map((child, i) => item(child, `${path}.${i}`))

/** Each value once, at its first place. */
export const unique =
  (item: Decoder<string>): Decoder<string[]> =>
  (node, path) => [...new Set(list(item)(node, path))]

export const mapOf =
  <T>(value: Decoder<T>): Decoder<Record<string, T>> =>
  (node, path) =>
    Object.fromEntries(
      [...asMap(node, path).entries].map(([key, entry]) => [key, value(entry.value, `${path}.${key}`)]),
    )

/** Nothing is written behind the key: the value that means. */
export const orNothing =
  <T, N>(decode: Decoder<T>, nothing: N): Decoder<T | N> =>
  (node, path) =>
    node.kind === 'scalar' && node.value === null ? nothing : decode(node, path)

/** `[A=1, B]` or `{A: 1, B: null}`. */
export const pairs: Decoder<Record<string, string | null>> = (node, path) => {
  if (node.kind === 'map') return mapOf(orNothing(text, null))(node, path)
  if (node.kind !== 'list') return mustBe(node, path, 'a mapping or a list of KEY=VALUE')
  return Object.fromEntries(
    list(text)(node, path).map((item): [string, string | null] => {
      const equals = item.indexOf('=')
      return equals < 0 ? [item, null] : [item.slice(0, equals), item.slice(equals + 1)]
    }),
  )
}

/** The same where no value is an empty one: labels, options. */
export const labels: Decoder<Record<string, string>> = (node, path) =>
  Object.fromEntries(Object.entries(pairs(node, path)).map(([key, value]) => [key, value ?? '']))

export const stringOrList: Decoder<string[]> = (node, path) =>
  node.kind === 'scalar' ? [string(node, path)] : unique(text)(node, path)

type Fields = Readonly<Record<string, Decoder<unknown>>>
export type Struct<F extends Fields> = { -readonly [K in keyof F]?: Decoded<F[K]> }

/** A mapping with these keys and no others, but for those that begin with x-. */
export const struct =
  <F extends Fields>(fields: F, required: readonly (keyof F & string)[] = []): Decoder<Struct<F>> =>
  (node, path) => {
    const map = asMap(node, path)
    const result: Record<string, unknown> = {}
    for (const [key, { at, value }] of map.entries) {
      const decode = Object.hasOwn(fields, key) ? fields[key] : undefined
      if (decode) result[key] = decode(value, path ? `${path}.${key}` : key)
      else if (key.startsWith('x-')) result[key] = toPlain(value)
      else
        throw new ComposeError(
          `${path || '(root)'} Additional property ${key} is not allowed${suggestion(key, fields)}`,
          at,
        )
    }
    const missing = required.find(key => !map.entries.has(key))
    if (missing !== undefined) throw new ComposeError(`${path}.${missing} is required`, map.at)
    return result as Struct<F>
  }

/** A short form that is one value of the long one. */
export const shortOr =
  <T>(short: Decoder<T>, long: Decoder<T>): Decoder<T> =>
  (node, path) =>
    node.kind === 'scalar' ? short(node, path) : long(node, path)

/** What the specification knows and skiff cannot do. */
export const refused =
  (why: string): Decoder<never> =>
  (node, path) =>
    fail(node, `${path} is not supported by skiff: ${why}`)

/** Only this value, which changes nothing, is taken. */
export const only =
  <T>(decode: Decoder<T>, value: T, why: string): Decoder<T> =>
  (node, path) => {
    const given = decode(node, path)
    return given === value ? given : fail(node, `${path}: ${JSON.stringify(given)} is not supported by skiff: ${why}`)
  }

function suggestion(key: string, fields: Fields): string {
  const near = Object.keys(fields).find(name => distance(name, key) <= (key.length > 4 ? 2 : 1))
  return near ? `: did you mean ${near}?` : ''
}

/** Levenshtein's: how many letters must change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    row = next
  }
  return row.at(-1) ?? 0
}
