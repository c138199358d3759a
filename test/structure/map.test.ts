/** docs/architecture.md has a row for each room, and no row without one; the READMEs' links lead to pages. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

/** The table of rooms: those of a row, and the files to begin with, which are in one of them or below src/. */
function rows(): { rooms: string[]; begin: string[] }[] {
  const [, table = ''] = /\n\| room \|.*\n\|[- |]*\n((?:\|.*\n)+)/.exec(read('docs/architecture.md')) ?? []
  const quoted = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
  const lines = table.trim().split('\n')
  return lines.map(line => line.split('|')).map(cells => ({ rooms: quoted(cells[1]), begin: quoted(cells[3]) }))
}

test('every room is on the map, and what the map names is there', () => {
  const named = rows().flatMap(({ rooms }) => rooms)
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter(entry => entry.isDirectory())
  expect(folders.map(({ name }) => `src/${name}`).filter(room => !named.includes(room))).toEqual([])
  expect(named.filter(room => !existsSync(join(ROOT, room)))).toEqual([])
  for (const { rooms, begin } of rows()) {
    const isThere = (path: string) => [...rooms, 'src'].some(folder => existsSync(join(ROOT, folder, path)))
    expect(begin.filter(path => !isThere(path))).toEqual([])
  }
})

/** Of the project's own files, the Chinese page standing for the English one. */
const links = (page: string): string[] =>
  [...read(page).matchAll(/\]\(([^):#]+)\)/g)].map(([, path = '']) => path.replace('.zh-CN.', '.'))

test('no link of a README is dead, and both lead to the same pages', () => {
  expect(links('README.md').filter(path => !existsSync(join(ROOT, path)))).toEqual([])
  expect([...new Set(links('README.zh-CN.md'))].sort()).toEqual([...new Set(links('README.md'))].sort())
})
