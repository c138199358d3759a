/** Words that JavaScript's objects have of their own are no values of options. */

import { expect, test } from 'vitest'
import { booleanOf } from '../../../src/kernel/booleans.ts'
import { matchesPattern } from '../../../src/kernel/name-pattern.ts'
import { BRIDGE_OPTION, checkOptions, isOff } from '../../../src/networks/driver-options.ts'

test.each(['toString', 'constructor', '__proto__', 'yes', ''])('%j is no boolean', word => {
  expect(booleanOf(word)).toBeUndefined()
  const options = { [BRIDGE_OPTION.ICC]: word }
  expect(() => checkOptions({ driver: 'bridge', options })).toThrow('strconv.ParseBool')
})

test.each(['toString', 'constructor', 'none'])('%j is no mode of a macvlan', mode => {
  const options = { macvlan_mode: mode }
  expect(() => checkOptions({ driver: 'macvlan', options })).toThrow(`requested macvlan mode '${mode}' is not valid`)
})

test('what is on unless it is switched off', () => {
  const withIcc = (value: string) => ({ options: { [BRIDGE_OPTION.ICC]: value } })
  expect(['0', 'f', 'FALSE', '1', 'True'].map(value => isOff(withIcc(value), BRIDGE_OPTION.ICC))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  expect(isOff({ options: {} }, BRIDGE_OPTION.ICC)).toBe(false)
})

test('a pattern is a part of a name, or an expression; what is none matches itself alone', () => {
  const found = (pattern: string) => ['web', 'web2', 'db', 'a['].filter(name => matchesPattern(name, pattern))
  expect(['web', '^web$', 'b$', 'a[', '['].map(found)).toEqual([['web', 'web2'], ['web'], ['web', 'db'], ['a['], []])
})
