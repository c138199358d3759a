/**
 * The values that templates work on. JSON, with Go's distinction between structs and maps: a plain object is a struct (its
 * fields are known, an unknown one is an error), a Map is a map (any key; a missing one has no value).
 */

/** A struct whose fields are computed when asked for, some with arguments. */
export abstract class LazyStruct {
  /** As messages name it. */
  abstract readonly typeName: string
  /** undefined when there is no such field; a function when it takes arguments. */
  abstract field(name: string): unknown
  /** All fields, for json and printing. */
  abstract toJSON(): unknown
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Map) &&
  !(value instanceof LazyStruct)

/** Go's notion: the zero value of each kind is false; structs are true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  return Boolean(value)
}

export const sortedEntries = (map: ReadonlyMap<string, unknown>): [string, unknown][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

/** JSON without spaces; the keys of maps sorted, as Go's encoder has them. */
export const toJson = (value: unknown): string => JSON.stringify(jsonValue(value))

/** JSON with <, > and & escaped, as Go's encoder writes it outside of templates. */
export const escapedJson = (value: unknown): string =>
  toJson(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')

/** A map and a slice that are nil: printed as empty ones, but null in JSON. */
export const NIL_MAP: ReadonlyMap<string, unknown> = new Map()
export const NIL_SLICE: readonly unknown[] = []

function jsonValue(value: unknown): unknown {
  if (value === undefined || value === NIL_MAP || value === NIL_SLICE) return null
  if (value instanceof Map) return Object.fromEntries(sortedEntries(value).map(([key, item]) => [key, jsonValue(item)]))
  if (Array.isArray(value)) return value.map(jsonValue)
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]))
  return value
}
