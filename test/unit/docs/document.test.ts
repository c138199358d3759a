/** How documents are read and compared with what is printed. */

import { expect, test } from 'vitest'
import { matches, stepsOf } from '../../docs/document.ts'

test('steps of console blocks alone', () => {
  const text = ['```sh', '$ no', '```', '```console', '$ one \\', '> two', 'out', '$ three', '[exit 3]', '```', '$ no']
  expect(stepsOf(text.join('\n'))).toEqual([
    { command: 'one \\\ntwo', expected: ['out'], exitCode: 0, line: 5 },
    { command: 'three', expected: [], exitCode: 3, line: 8 },
  ])
})

test.each<[string[], string, boolean]>([
  [[], '', true],
  [[], 'x\n', false],
  [['a'], 'a\n', true],
  [['a'], 'b\n', false],
  [['a', 'b'], 'a\n', false],
  [['…'], '', true],
  [['a', '…', 'c'], 'a\nb\nb\nc\n', true],
  [['a', '…', 'c'], 'a\nc\n', true],
  [['a', '…', 'c'], 'a\nb\n', false],
  [['id …'], 'id 12\n', true],
  [['id …'], 'ix 12\n', false],
  [['A   B'], 'A        B\n', true],
  [['a.c'], 'abc\n', false],
])('%j of %j: %s', (expected, printed, result) => {
  expect(matches(expected, printed)).toBe(result)
})
