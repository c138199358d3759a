/**
 * Prints the C header of abi.ts: constants as enums, structures with assertions that C lays them out as described.
 * Run by native/Makefile: `node dist/program/abi-header.js > native/generated/abi.h`.
 */

import { fileURLToPath } from 'node:url'
import * as abi from './abi.ts'
import type { FieldType, Struct, StructSpec } from './struct.ts'

const C_TYPES: Record<FieldType, string> = {
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  u64: 'uint64_t',
  i32: 'int32_t',
}

type Layout = Pick<Struct<StructSpec>, 'fields' | 'bytes'>

function declareStruct(name: string, layout: Layout): string {
  const tag = `skiff_${name.toLowerCase()}`
  const members = layout.fields.map(
    field => `    ${C_TYPES[field.type]} ${field.name}${field.isArray ? `[${field.count}]` : ''};`,
  )
  const asserts = layout.fields.map(
    field => `_Static_assert(offsetof(struct ${tag}, ${field.name}) == ${field.offset}, "${name}.${field.name}");`,
  )
  const size = `_Static_assert(sizeof(struct ${tag}) == ${layout.bytes}, "${name}");`
  return [`struct ${tag} {`, ...members, '};', size, ...asserts].join('\n')
}

const defineConstants = (group: string, values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `#define ${group}_${name} ${value < 0x8000_0000 ? value : `${value}u`}`)
    .join('\n')

export function abiHeader(): string {
  const parts = Object.entries(abi).map(([name, value]) =>
    'fields' in value ? declareStruct(name, value) : defineConstants(name, value),
  )
  return [
    '// Made from src/program/abi.ts by src/program/abi-header.ts: edit that file.',
    '#pragma once\n',
    '#include <stddef.h>',
    '#include <stdint.h>\n',
    parts.join('\n\n'),
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(abiHeader())
