/**
 * C structures described as data, so that both languages have one source: TypeScript writes and reads bytes by the
 * description, C gets a declaration made from it (abi-header.ts). Little-endian, every field naturally aligned, no padding.
 */

const BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4 } as const

export type FieldType = keyof typeof BYTES
/** A field: its type, or [type, count] for an array. */
export type FieldSpec = FieldType | readonly [FieldType, number]
export type StructSpec = Readonly<Record<string, FieldSpec>>

type ValueOf<T extends FieldType> = T extends 'u64' ? bigint : number
export type StructValue<S extends StructSpec> = {
  -readonly [K in keyof S]: S[K] extends readonly [infer T extends FieldType, number]
    ? readonly ValueOf<T>[]
    : S[K] extends FieldType
      ? ValueOf<S[K]>
      : never
}

export interface Field {
  readonly name: string
  readonly type: FieldType
  /** 1 for a plain field. */
  readonly count: number
  readonly isArray: boolean
  readonly offset: number
}

export interface Struct<S extends StructSpec> {
  readonly fields: readonly Field[]
  readonly bytes: number
  write(into: Buffer, at: number, value: StructValue<S>): void
  read(from: Buffer, at: number): StructValue<S>
}

/** Lays out a structure. Throws on a description that C would pad. */
export function struct<const S extends StructSpec>(spec: S): Struct<S> {
  let offset = 0
  const fields = Object.entries(spec).map(([name, described]): Field => {
    const [type, count] = typeof described === 'string' ? ([described, 1] as const) : described
    const field = { name, type, count, isArray: typeof described !== 'string', offset }
    if (offset % BYTES[type] !== 0) throw new Error(`field ${name} is not aligned`)
    offset += BYTES[type] * count
    return field
  })
  const widest = Math.max(...fields.map(field => BYTES[field.type]))
  if (offset % widest !== 0) throw new Error(`a structure of ${offset} bytes would be padded to ${widest}`)

  return {
    fields,
    bytes: offset,
    write(into, at, value) {
      for (const field of fields) {
        const given = value[field.name as keyof S] as number | bigint | readonly (number | bigint)[]
        const elements = Array.isArray(given) ? given : [given]
        if (elements.length > field.count) throw new RangeError(`${field.name} holds ${field.count} values`)
        for (const [index, element] of elements.entries()) {
          writeScalar(into, at + field.offset + index * BYTES[field.type], field.type, element)
        }
      }
    },
    read(from, at) {
      const entries = fields.map(field => {
        const elements = Array.from({ length: field.count }, (_, index) =>
          readScalar(from, at + field.offset + index * BYTES[field.type], field.type),
        )
        return [field.name, field.isArray ? elements : elements[0]]
      })
      return Object.fromEntries(entries) as StructValue<S>
    },
  }
}

function writeScalar(into: Buffer, at: number, type: FieldType, value: number | bigint): void {
  switch (type) {
    case 'u8':
      into.writeUInt8(Number(value), at)
      break
    case 'u16':
      into.writeUInt16LE(Number(value), at)
      break
    case 'u32':
      into.writeUInt32LE(Number(value), at)
      break
    case 'i32':
      into.writeInt32LE(Number(value), at)
      break
    case 'u64':
      into.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at)
  }
}

function readScalar(from: Buffer, at: number, type: FieldType): number | bigint {
  switch (type) {
    case 'u8':
      return from.readUInt8(at)
    case 'u16':
      return from.readUInt16LE(at)
    case 'u32':
      return from.readUInt32LE(at)
    case 'i32':
      return from.readInt32LE(at)
    case 'u64':
      return from.readBigUInt64LE(at)
  }
}
