// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of compose files
/** Variables in texts, with every modifier. Source: compose-spec, "Interpolation". */

import { describe, expect, test } from 'vitest'
import { substitute } from '../../../src/compose/load/interpolate.ts'

const VARIABLES: Readonly<Record<string, string>> = { A: 'a', EMPTY: '', N1: '1' }
const lookup = (name: string) => VARIABLES[name]

test.each([
  ['plain', 'plain'],
  ['$A', 'a'],
  ['${A}', 'a'],
  ['x$A.y${N1}z', 'xa.y1z'],
  ['$$A', '$A'],
  ['$${A}', '${A}'],
  ['${A:-x}', 'a'],
  ['${EMPTY:-x}', 'x'],
  ['${NO:-x}', 'x'],
  ['${A-x}', 'a'],
  ['${EMPTY-x}', ''],
  ['${NO-x}', 'x'],
  ['${A:+x}', 'x'],
  ['${EMPTY:+x}', ''],
  ['${EMPTY+x}', 'x'],
  ['${NO+x}', ''],
  ['${NO:-${A}}', 'a'],
  ['${NO:-${NO2:-deep}}', 'deep'],
  ['${NO:-a:b-c?d}', 'a:b-c?d'],
  ['${A:?must}', 'a'],
  ['${EMPTY?must}', ''],
  ['${A:-${NO:?not asked for}}', 'a'],
  ['${NO:-}', ''],
  ['a ${NO-$$} b', 'a $ b'],
])('%s → %s', (template, result) => {
  expect(substitute(template, lookup)).toBe(result)
})

describe('what is no template', () => {
  test.each([
    ['${A', 'invalid interpolation format'],
    ['$', 'invalid interpolation format'],
    ['$1', 'invalid interpolation format'],
    ['${}', 'invalid interpolation format'],
    ['${A!x}', 'invalid interpolation format'],
    ['${A:x}', 'invalid interpolation format'],
    ['${NO:-${A}', 'invalid interpolation format'],
  ])('%s', (template, message) => {
    expect(() => substitute(template, lookup)).toThrow(message)
  })
  test.each([
    ['${NO:?set it}', 'required variable NO is missing a value: set it'],
    ['${EMPTY:?set it}', 'required variable EMPTY is missing a value: set it'],
    ['${NO?}', 'required variable NO is missing a value'],
    ['${NO:?see ${A}}', 'required variable NO is missing a value: see a'],
  ])('%s', (template, message) => {
    expect(() => substitute(template, lookup)).toThrow(message)
  })
})

test('a variable without value and default is told, one with a default is not', () => {
  const unset: string[] = []
  substitute('$NO ${NO2:-x} ${NO3}', lookup, name => unset.push(name))
  expect(unset).toEqual(['NO', 'NO3'])
})
