/** The cache's records: what is written is found again, and what a power cut has left of one is no obstacle. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BuildCache } from '../../../src/build/cache/cache.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-cache-'))
})
afterEach(() => rm(folder, { recursive: true }))

const record = (key: string) => ({
  key,
  parent: '',
  description: 'RUN x',
  created: '2026-01-01T00:00:00Z',
  layer: null,
})
const file = (key: string) => join(folder, 'build/cache', `${key}.json`)

test('a record that is used again is written over where it stands', async () => {
  const cache = await BuildCache.open(folder)
  cache.add(record('a'))
  await cache.flush()
  const before = (await readFile(file('a'))).length
  for (let times = 0; times < 12; times++) cache.touch(cache.find('a')!)
  await cache.flush()
  expect((await readFile(file('a'))).length).toBe(before + 1)
  expect((await BuildCache.open(folder)).find('a')?.usageCount).toBe(13)
  expect(await readdir(join(folder, 'build/cache'))).toEqual(['a.json'])
})

test('a record that is damaged is dropped', async () => {
  const cache = await BuildCache.open(folder)
  cache.add(record('good'))
  await cache.flush()
  await writeFile(file('empty'), '')
  await writeFile(file('zeros'), Buffer.alloc(300))
  await writeFile(file('half'), '{"key": "half", "par')
  await writeFile(file('other'), JSON.stringify(record('another')))
  const again = await BuildCache.open(folder)
  expect(again.all().map(({ key }) => key)).toEqual(['good'])
  expect(await readdir(join(folder, 'build/cache'))).toEqual(['good.json'])
})
