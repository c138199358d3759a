/** docs/accidents.md and docs/security.md name each test of test/faults and test/security, and name none that does not exist. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const TABLES = [
  { page: 'docs/accidents.md', folder: 'test/faults' },
  { page: 'docs/security.md', folder: 'test/security' },
]

/** What the second column of the tables with a column `test` says: names of files in `folder`, or paths. */
function namedIn(page: string): string[] {
  const named: string[] = []
  let isTest = false
  for (const line of readFileSync(join(ROOT, page), 'utf8').split('\n')) {
    if (!line.startsWith('|')) isTest = false
    else if (/^\|[^|]*\| test \|/.test(line)) isTest = true
    else if (isTest)
      named.push(...[...(line.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name as string))
  }
  return named
}

test.each(TABLES)('$page', ({ page, folder }) => {
  const named = namedIn(page)
  const files = readdirSync(join(ROOT, folder)).filter(name => name.endsWith('.test.ts'))
  expect(files.length).toBeGreaterThan(5)
  expect(files.filter(name => !named.includes(name.replace('.test.ts', '')))).toEqual([])
  const pathOf = (name: string) => join(ROOT, `${name.startsWith('test/') ? name : `${folder}/${name}`}.test.ts`)
  expect(named.filter(name => !existsSync(pathOf(name)))).toEqual([])
})
