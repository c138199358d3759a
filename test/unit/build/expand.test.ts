// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables

import { expect, test } from 'vitest'
import { expandText, expandWord, expandWords } from '../../../src/build/dockerfile/expand.ts'

const VALUES: Record<string, string> = { file: 'x.tar.gz', empty: '', path: '/usr/lib/a', two: 'b c' }
const variables = (name: string): string | undefined => VALUES[name]

test.each([
  ['$file', 'x.tar.gz'],
  ['${file}.sig', 'x.tar.gz.sig'],
  ['$file_', ''],
  ['${unset:-default}', 'default'],
  ['${empty:-default}', 'default'],
  ['${empty-default}', ''],
  ['${unset-$file}', 'x.tar.gz'],
  ['${unset:-${empty:-"a b"}}', 'a b'],
  ['${file:+there}', 'there'],
  ['${empty:+there}', ''],
  ['${empty+there}', 'there'],
  ['${unset+there}', ''],
  ['${file:?message}', 'x.tar.gz'],
  ['${file#*.}', 'tar.gz'],
  ['${file##*.}', 'gz'],
  ['${file%.*}', 'x.tar'],
  ['${file%%.*}', 'x'],
  ['${path#/*/}', 'lib/a'],
  ['${file/./-}', 'x-tar.gz'],
  ['${file//./-}', 'x-tar-gz'],
  ['${file/tar}', 'x..gz'],
  ['${path//\\//-}', '-usr-lib-a'],
  ['${path/\\*/-}', '/usr/lib/a'],
  ['${path#/\\?*}', '/usr/lib/a'],
  ["'$file'", '$file'],
  ['"$file"', 'x.tar.gz'],
  ['"\\$file \\" \\a"', '$file " \\a'],
  ['\\$file', '$file'],
  ['a\\ b', 'a b'],
  ['$', '$'],
  ['$1$@', ''],
  ['cost $ 5', 'cost $ 5'],
])('%s', (text, expected) => {
  expect(expandWord(text, variables, '\\')).toBe(expected)
})

test.each([
  ['${unset:?is needed}', 'unset: is needed'],
  ['${unset:?}', 'unset: is not allowed to be unset'],
  ['${empty:?}', 'empty: is not allowed to be empty'],
  ['${file', 'syntax error: missing } in substitution'],
  ['${file!x}', 'unsupported modifier (!x) in substitution'],
  ["'open", 'unexpected end of statement while looking for matching single-quote'],
  ['"open', 'unexpected end of statement while looking for matching double-quote'],
])('%s is refused', (text, message) => {
  expect(() => expandWord(text, variables, '\\')).toThrow(message)
})

test('words are parted by blanks outside of quotes, also by those that a variable brings', () => {
  expect(expandWords('a "b c" $two \'\' d\\ e', variables, '\\')).toEqual(['a', 'b c', 'b', 'c', '', 'd e'])
})

test('another escape character', () => {
  expect(expandWord('c:\\dir`$x', variables, '`')).toBe('c:\\dir$x')
})

test('a here-document keeps its quotes', () => {
  expect(expandText('"$file" \\$file \\n', variables, '\\')).toBe('"x.tar.gz" $file \\n')
})
