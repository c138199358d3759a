/**
 * Tables that say, once, how a domain type looks in Docker's JSON: `decode` reads what clients send, `encode` writes what they
 * get. Reading follows Go's encoding/json: names in any case, null and absence mean the zero value, unknown names are passed
 * over, and a value of the wrong type is refused in Go's words, which name Go's types.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { type Json, JsonNumber, JsonObject } from './json.ts'

/** Where a value stands, for complaints: the Go struct that has the field, and the names of the fields from the root to it. */
export interface Place {
  struct: string
  path: string[]
}

export const ROOT: Place = { struct: '', path: [] }

export interface Codec<T> {
  /** Go's name of the type. */
  goType: string
  /** What null, or nothing at all, stands for. */
  zero(): T
  /** `value` is not null. @throws InvalidParameter */
  decode(value: Json, place: Place): T
  encode(value: T): unknown
}

const kindOf = (value: Json): string => {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (value instanceof JsonNumber) return 'number'
  return Array.isArray(value) ? 'array' : 'object'
}

export function mismatch(value: Json, goType: string, place: Place, literal = ''): InvalidParameter {
  const kind = `${kindOf(value)}${literal && ` ${literal}`}`
  const target = place.path.length > 0 ? `struct field ${place.struct}.${place.path.join('.')}` : 'value'
  return new InvalidParameter(`json: cannot unmarshal ${kind} into Go ${target} of type ${goType}`)
}

export const orZero = <T>(codec: Codec<T>, value: Json, place: Place): T =>
  value === null ? codec.zero() : codec.decode(value, place)

// --- Scalars -----------------------------------------------------------------------------------------------------------

export const text: Codec<string> = {
  goType: 'string',
  zero: () => '',
  decode(value, place) {
    if (typeof value !== 'string') throw mismatch(value, this.goType, place)
    return value
  },
  encode: value => value,
}

export const bool: Codec<boolean> = {
  goType: 'bool',
  zero: () => false,
  decode(value, place) {
    if (typeof value !== 'boolean') throw mismatch(value, this.goType, place)
    return value
  },
  encode: value => value,
}

const integer = (goType: string, min: bigint, max: bigint): Codec<number> => ({
  goType,
  zero: () => 0,
  decode(value, place) {
    if (!(value instanceof JsonNumber)) throw mismatch(value, goType, place)
    const exact = /^-?\d+$/.test(value.literal) ? BigInt(value.literal) : null
    if (exact === null || exact < min || exact > max) throw mismatch(value, goType, place, value.literal)
    return Number(exact)
  },
  encode: value => value,
})

export const int64 = integer('int64', -(2n ** 63n), 2n ** 63n - 1n)
export const int = integer('int', -(2n ** 63n), 2n ** 63n - 1n)
export const uint = integer('uint', 0n, 2n ** 64n - 1n)
export const uint16 = integer('uint16', 0n, 2n ** 16n - 1n)
export const uint64 = integer('uint64', 0n, 2n ** 64n - 1n)
export const fileMode = integer('fs.FileMode', 0n, 2n ** 32n - 1n)
export const duration = integer('time.Duration', -(2n ** 63n), 2n ** 63n - 1n)

/** One of a few words. Which are allowed is for the service to say: it refuses with its own words. */
export const word = <T extends string>(goType: string): Codec<T> => ({ ...(text as Codec<string>), goType }) as Codec<T>

// --- Presence ----------------------------------------------------------------------------------------------------------

/** null for null and absence, in place of a zero value. */
export const nullable = <T>(codec: Codec<T>): Codec<T | null> => ({
  goType: codec.goType,
  zero: () => null,
  decode: (value, place) => codec.decode(value, place),
  encode: value => (value === null ? null : codec.encode(value)),
})

/** undefined for null and absence, and null for undefined. */
export const undefinable = <T>(codec: Codec<T>): Codec<T | undefined> => ({
  goType: codec.goType,
  zero: () => undefined,
  decode: (value, place) => codec.decode(value, place),
  encode: value => (value === undefined ? null : codec.encode(value)),
})

/** undefined for null and absence; written as the zero value, as Docker shows what is not set. */
export const optional = <T>(codec: Codec<T>): Codec<T | undefined> => ({
  goType: codec.goType,
  zero: () => undefined,
  decode: (value, place) => codec.decode(value, place),
  encode: value => codec.encode(value === undefined ? codec.zero() : value),
})

/** The same JSON under another domain type. */
export const mapped = <A, B>(codec: Codec<A>, read: (value: A) => B, write: (value: B) => A): Codec<B> => ({
  goType: codec.goType,
  zero: () => read(codec.zero()),
  decode: (value, place) => read(codec.decode(value, place)),
  encode: value => codec.encode(write(value)),
})

const toPlain = (value: Json): unknown => {
  if (value instanceof JsonNumber) return Number(value.literal)
  if (value instanceof JsonObject) return Object.fromEntries(value.entries.map(([key, item]) => [key, toPlain(item)]))
  return Array.isArray(value) ? value.map(toPlain) : value
}

/** Whatever it is, as plain JavaScript. */
export const anything: Codec<unknown> = {
  goType: 'interface {}',
  zero: () => null,
  decode: toPlain,
  encode: value => value,
}

// --- Collections -------------------------------------------------------------------------------------------------------

/** An empty list is written as null where Go has a nil slice, which is what Docker shows unless told otherwise. */
export const list = <T>(item: Codec<T>, goType = `[]${item.goType}`, empty: null | [] = null): Codec<T[]> => ({
  goType,
  zero: () => [],
  decode(value, place) {
    if (!Array.isArray(value)) throw mismatch(value, goType, place)
    return value.map(element => orZero(item, element, place))
  },
  encode: value => (value.length === 0 ? empty : value.map(element => item.encode(element))),
})

export const map = <T>(item: Codec<T>, goType = `map[string]${item.goType}`, empty: null | object = {}) => {
  const codec: Codec<Record<string, T>> = {
    goType,
    zero: () => ({}),
    decode(value, place) {
      if (!(value instanceof JsonObject)) throw mismatch(value, goType, place)
      return Object.fromEntries(value.entries.map(([key, element]) => [key, orZero(item, element, place)]))
    },
    encode(value) {
      const entries = Object.entries(value)
      return entries.length === 0 ? empty : Object.fromEntries(entries.map(([key, x]) => [key, item.encode(x)]))
    },
  }
  return codec
}

/** Docker's sets: `{"80/tcp": {}}`. */
export const keys = (goType: string, empty: null | object = null): Codec<string[]> => {
  const inner = map<null>(
    {
      goType: 'struct {}',
      zero: () => null,
      decode(value, place) {
        if (!(value instanceof JsonObject)) throw mismatch(value, this.goType, place)
        return null
      },
      encode: () => ({}),
    },
    goType,
    empty,
  )
  return {
    goType,
    zero: () => [],
    decode: (value, place) => Object.keys(inner.decode(value, place)),
    encode: value => inner.encode(Object.fromEntries(value.map(key => [key, null]))),
  }
}

/** A command: a list of words, or one string that stands for a list of one. */
export const stringOrList: Codec<string[]> = {
  goType: 'strslice.StrSlice',
  zero: () => [],
  decode: (value, place) =>
    Array.isArray(value) && value.every(item => item === null || typeof item === 'string')
      ? value.map(item => item ?? '')
      : [text.decode(value, place)],
  encode: value => value,
}
