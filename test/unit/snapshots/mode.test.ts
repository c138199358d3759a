/** Modes as chmod(1) has them: what it makes of the same words on a file or a folder is what is expected here. */

import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changeMode, parseMode } from '../../../src/snapshots/copy/mode.ts'

const WORDS = [
  '0644',
  '7',
  '4755',
  'u=rwX,go=rX',
  'a+x',
  '+x',
  '-w',
  '+w',
  'go-rwx',
  'u=rw,g=r,o=',
  'g=u',
  'o=g-w',
  'u+s,g+s',
  '+t',
  'ug+rw-x',
  'a=',
  '=r',
  'u=g,o+X',
]
const BEFORE = [0o644, 0o755, 0o600, 0o4711, 0o777, 0]

test.each(WORDS)('%s', words => {
  const folder = mkdtempSync(join(tmpdir(), 'skiff-mode-'))
  try {
    for (const isFolder of [false, true]) {
      for (const before of isFolder ? BEFORE.filter(mode => mode < 0o1000) : BEFORE) {
        const path = join(folder, `${isFolder}-${before}`)
        if (isFolder) mkdirSync(path)
        else writeFileSync(path, '')
        chmodSync(path, before)
        execFileSync('sh', ['-c', 'umask 022; exec chmod -- "$1" "$2" 2>/dev/null', 'sh', words, path])
        const expected = lstatSync(path).mode & 0o7777
        expect(changeMode(parseMode(words), before, isFolder).toString(8)).toBe(expected.toString(8))
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each(['8', '77777', 'u', 'u=q', 'x+r', '+r,', '', 'u=rw g=r'])('%s is refused', words => {
  expect(() => parseMode(words)).toThrow(`invalid chmod parameter: '${words}'`)
})
