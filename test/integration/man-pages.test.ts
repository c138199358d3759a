/** The man pages: one for every command, without a warning of groff's, saying what --help says. */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/registry.ts'
import { OPTIONS } from '../../src/daemon/options.ts'

const run = promisify(execFile)
const WRITE = fileURLToPath(new URL('../../dist/daemon/write-man-pages.js', import.meta.url))

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-man-'))
  await run('node', [WRITE, folder])
})
afterAll(() => rm(folder, { recursive: true }))

test('every command has one', async () => {
  const expected = COMMANDS.filter(({ hidden }) => !hidden).map(
    ({ spellings }) => `skiff-${spellings[0]?.replaceAll(' ', '-')}.1`,
  )
  expect((await readdir(join(folder, 'man1'))).sort()).toEqual([...expected, 'skiff.1'].sort())
})

test('groff reads all of them without a warning', async () => {
  const files = (await readdir(join(folder, 'man1'))).map(name => join(folder, 'man1', name))
  for (const file of [...files, join(folder, 'man8/skiffd.8')]) {
    expect([file, (await run('groff', ['-man', '-Tutf8', '-ww', '-z', file])).stderr]).toEqual([file, ''])
  }
})

test('they say what the tables say', async () => {
  const { stdout } = await run('groff', ['-man', '-Tascii', '-P-cbou', join(folder, 'man1/skiff-run.1')])
  expect(stdout).toMatch(/-p, --publish list\s+Publish/)
  const daemon = await readFile(join(folder, 'man8/skiffd.8'), 'utf8')
  for (const { key } of OPTIONS) expect(daemon).toContain(key.replaceAll('-', '\\-'))
})
