// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of compose files
/** .env files. Source: compose-spec, "env_file format". */

import { expect, test } from 'vitest'
import { parseDotenv } from '../../../src/compose/load/dotenv.ts'

const SOURCE = { file: '.env', folder: '/' }
const parse = (text: string, known: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(parseDotenv(text, SOURCE, name => known[name]))

test.each([
  ['A=b', { A: 'b' }],
  ['A=', { A: '' }],
  [' A = b ', { A: 'b' }],
  ['export A=b', { A: 'b' }],
  ['A: b', { A: 'b' }],
  ['# no\n\nA=b # comment', { A: 'b' }],
  ['A=b#c', { A: 'b#c' }],
  ["A='$B # x'", { A: '$B # x' }],
  ["A='it\\'s'", { A: "it's" }],
  ['A="x\\ny" # c', { A: 'x\ny' }],
  ['A="two\nlines"\nB=1', { A: 'two\nlines', B: '1' }],
  ['A=1\nB=${A}2\nC="$B"', { A: '1', B: '12', C: '12' }],
  ['A=${K:-d}', { A: 'known' }],
  ['A=\\$x', { A: '\\' }],
  ['A="\\$x"', { A: '$x' }],
  ['K', { K: 'known' }],
  ['NOT_KNOWN', {}],
  ['A=b\r\nC=d\r\n', { A: 'b', C: 'd' }],
  ['a.b-c=1', { 'a.b-c': '1' }],
])('%j', (text, expected) => {
  expect(parse(text, { K: 'known' })).toEqual(expected)
})

test.each([
  ['A=1\nB C=2', '.env:2:1: '],
  ['A="open', '.env:1:1: unterminated quoted value'],
  ['A=1\n\n\nB=${A', '.env:4:1: invalid interpolation format'],
  ['=x', '.env:1:1: unexpected character'],
])('%j is refused with its line', (text, message) => {
  expect(() => parse(text)).toThrow(message)
})
