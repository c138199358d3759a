/** The functions of templates. Source: Go, package text/template, "Functions", and what Docker adds to them. */

import { goType, printf, show } from './print.ts'
import { escapedJson, isObject, isTrue, LazyStruct, NIL_SLICE, toJson } from './values.ts'

/** Called with evaluated arguments, except `and` and `or`, which the evaluator treats on its own. @throws Error */
type Function = (...args: unknown[]) => unknown

export const FUNCTIONS: Readonly<Record<string, Function>> = {
  // Of Go.
  and: (...args) => args.find(value => !isTrue(value)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: value => !isTrue(value),
  len: length,
  index: (of, ...keys) => keys.reduce(element, of),
  slice,
  print: (...args) => sprint(args),
  println: (...args) => `${args.map(show).join(' ')}\n`,
  printf: (format, ...args) => printf(String(format), args),
  html: (...args) => escapeHtml(sprint(args)),
  urlquery: (...args) => encodeURIComponent(sprint(args)).replaceAll('%20', '+'),
  js: (...args) =>
    JSON.stringify(sprint(args))
      .slice(1, -1)
      .replaceAll("'", "\\'")
      .replaceAll('<', '\\u003C')
      .replaceAll('>', '\\u003E'),
  eq: (first, ...others) => {
    if (others.length === 0) throw new Error('missing argument for comparison')
    return others.some(other => equal(first, other))
  },
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => less(a, b),
  le: (a, b) => less(a, b) || equal(a, b),
  gt: (a, b) => !less(a, b) && !equal(a, b),
  ge: (a, b) => !less(a, b),
  // Of Docker.
  json: value => (value instanceof LazyStruct ? escapedJson(value) : toJson(value)),
  split: (text, separator) => String(text).split(String(separator)),
  join: (items, separator) =>
    Array.isArray(items) ? items.map(show).join(String(separator)) : wrongType('join', items),
  title: text =>
    String(text).replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: text => String(text).toLowerCase(),
  upper: text => String(text).toUpperCase(),
  pad: (text, before, after) =>
    text === '' ? '' : ' '.repeat(Number(before)) + String(text) + ' '.repeat(Number(after)),
  truncate: (text, length) => [...String(text)].slice(0, Number(length)).join(''),
}

function wrongType(name: string, value: unknown): never {
  throw new Error(`wrong type for value of ${name}: ${goType(value)}`)
}

/** Like Go's Sprint: a space between two values when neither is a string. */
const sprint = (args: readonly unknown[]): string =>
  args.reduce<string>((text, value, i) => {
    const spaced = i > 0 && typeof value !== 'string' && typeof args[i - 1] !== 'string'
    return text + (spaced ? ' ' : '') + show(value)
  }, '')

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Map) return value.size
  if (isObject(value)) return Object.keys(value).length
  if (value === null || value === undefined) throw new Error('len of nil pointer')
  throw new Error(`len of type ${goType(value)}`)
}

function element(of: unknown, key: unknown): unknown {
  if (of === null || of === undefined) throw new Error('index of untyped nil')
  if (Array.isArray(of) || typeof of === 'string') {
    if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${goType(key)}`)
    if (key < 0 || key >= of.length) throw new Error(`index out of range: ${key}`)
    return typeof of === 'string' ? Buffer.from(of)[key] : of[key]
  }
  if (of instanceof Map) return of.has(key) ? of.get(key) : zeroValue(of)
  if (isObject(of)) return of[String(key)]
  throw new Error(`can't index item of type ${goType(of)}`)
}

/** What a map answers for a key that it does not have: the zero value of what it holds. */
function zeroValue(map: ReadonlyMap<unknown, unknown>): unknown {
  const [some = ''] = map.values()
  if (typeof some === 'string') return ''
  return some === null || Array.isArray(some) ? NIL_SLICE : undefined
}

function slice(of: unknown, from: unknown = 0, to?: unknown): unknown {
  if (typeof of !== 'string' && !Array.isArray(of)) throw new Error(`can't slice item of type ${goType(of)}`)
  const end = to === undefined ? of.length : Number(to)
  if (Number(from) > end || end > of.length) throw new Error(`index out of range: ${end}`)
  return of.slice(Number(from), end)
}

const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;')
    .replaceAll("'", '&#39;')

function equal(a: unknown, b: unknown): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null)
  if (typeof a !== typeof b || typeof a === 'object') throw new Error('incompatible types for comparison')
  return a === b
}

function less(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a < b
  if (typeof a === 'number' && typeof b === 'number') return a < b
  throw new Error(typeof a === typeof b ? 'invalid type for comparison' : 'incompatible types for comparison')
}
