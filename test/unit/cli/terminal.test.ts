/** The keys that detach. */

import { describe, expect, test } from 'vitest'
import { DetachWatch, parseDetachKeys } from '../../../src/cli/terminal/detach-keys.ts'

test.each([
  ['ctrl-p,ctrl-q', [16, 17]],
  ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 27, 28, 29, 30, 31]],
  ['a,Z,9,DEL', [97, 90, 57, 127]],
])('%s', (text, bytes) => {
  expect(parseDetachKeys(text)).toEqual(bytes)
})

test('unknown keys are refused', () => {
  expect(() => parseDetachKeys('ctrl-?')).toThrow("Unknown character: 'ctrl-?'")
  expect(() => parseDetachKeys('foo')).toThrow("Unknown character: 'foo'")
})

describe('watching', () => {
  const type = (...chunks: string[]) => {
    const watch = new DetachWatch(parseDetachKeys('ctrl-p,ctrl-q'))
    const taken = chunks.map(chunk => watch.take(Buffer.from(chunk)))
    return { passed: Buffer.concat(taken.map(({ pass }) => pass)).toString(), detached: taken.at(-1)?.detached }
  }

  test.each([
    [['abc'], 'abc', false],
    [['\x10\x11'], '', true],
    [['ab\x10', '\x11cd'], 'ab', true],
    [['\x10'], '', false],
    [['\x10', 'x'], '\x10x', false],
    [['\x10\x10\x11'], '\x10', true],
    [['\x11\x10'], '\x11', false],
  ])('%j', (chunks, passed, detached) => {
    expect(type(...chunks)).toEqual({ passed, detached })
  })
})
