/** Go structs as tables: which field of a domain type stands under which name in the JSON. See schema.ts. */

import { type Json, JsonObject } from './json.ts'
import { type Codec, mismatch, type Place } from './schema.ts'

/**
 * A field under its own name; one that is not in the JSON at all (`internal`); or an object whose fields stand among those of
 * the outer one (`inline`, Go's embedding), which may be null when none of them is there.
 */
export type Field<T> =
  | { name: string; codec: Codec<T>; omit: 'never' | 'null' | 'empty' }
  | { internal: T }
  | { inline: Struct<NonNullable<T>>; nullable: boolean }

export const field = <T>(name: string, codec: Codec<T>): Field<T> => ({ name, codec, omit: 'never' })
/** Left out of what is written while it has its zero value. */
export const omitEmpty = <T>(name: string, codec: Codec<T>): Field<T> => ({ name, codec, omit: 'empty' })
/** Left out of what is written while it is null or undefined, but not for being zero or false. */
export const omitNull = <T>(name: string, codec: Codec<T>): Field<T> => ({ name, codec, omit: 'null' })
export const internal = <T>(value: T): Field<T> => ({ internal: value })
export const inline = <T extends object>(struct: Struct<T>): Field<T> => ({ inline: struct, nullable: false })
export const inlineOrNull = <T extends object>(struct: Struct<T>): Field<T | null> =>
  ({ inline: struct, nullable: true }) as Field<T | null>

export type Fields<D> = { [K in keyof D]-?: Field<D[K]> }

type Setter = (target: Record<string, unknown>, value: Json, place: Place) => void

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  value === 0 ||
  value === false ||
  (typeof value === 'object' && Object.keys(value as object).length === 0)

const isOmitted = (omit: 'never' | 'null' | 'empty', value: unknown): boolean =>
  (omit === 'null' && (value === null || value === undefined)) || (omit === 'empty' && isEmpty(value))

/** `goType` is the whole type's name, with its package: without it complaints name the struct that has the field. */
export class Struct<D extends object> implements Codec<D> {
  readonly #fields: [string, Field<unknown>][]
  #setters: Map<string, Setter> | undefined

  constructor(
    readonly goType: string,
    fields: Fields<D>,
  ) {
    this.#fields = Object.entries(fields) as [string, Field<unknown>][]
  }

  get #name(): string {
    return this.goType.slice(this.goType.lastIndexOf('.') + 1)
  }

  zero(): D {
    const value: Record<string, unknown> = {}
    for (const [key, entry] of this.#fields) {
      if ('internal' in entry) value[key] = entry.internal
      else if ('inline' in entry) value[key] = entry.nullable ? null : entry.inline.zero()
      else value[key] = entry.codec.zero()
    }
    return value as D
  }

  /** By name in lower case, so that any spelling is found. */
  get setters(): Map<string, Setter> {
    if (this.#setters) return this.#setters
    const setters = new Map<string, Setter>()
    for (const [key, entry] of this.#fields) {
      if ('internal' in entry) continue
      if ('inline' in entry) {
        for (const [name, set] of entry.inline.setters) {
          setters.set(name, (target, value, place) => {
            target[key] ??= entry.inline.zero()
            set(target[key] as Record<string, unknown>, value, place)
          })
        }
      } else {
        setters.set(entry.name.toLowerCase(), (target, value, place) => {
          const here = { struct: place.struct, path: [...place.path, entry.name] }
          // Go leaves a field alone for null: it keeps what an earlier spelling of the same name gave it.
          if (value !== null) target[key] = entry.codec.decode(value, here)
        })
      }
    }
    this.#setters = setters
    return setters
  }

  decode(value: Json, place: Place): D {
    if (!(value instanceof JsonObject)) throw mismatch(value, this.goType, place)
    const target = this.zero() as Record<string, unknown>
    const here = { struct: this.#name, path: place.path }
    for (const [name, element] of value.entries) this.setters.get(name.toLowerCase())?.(target, element, here)
    return target as D
  }

  encode(value: D): Record<string, unknown> {
    const written: Record<string, unknown> = {}
    for (const [key, entry] of this.#fields) {
      if ('internal' in entry) continue
      const part = (value as Record<string, unknown>)[key]
      if ('inline' in entry) {
        if (part !== null && part !== undefined) Object.assign(written, entry.inline.encode(part))
      } else if (!isOmitted(entry.omit, part)) {
        written[entry.name] = entry.codec.encode(part)
      }
    }
    return written
  }
}
