/** Folders and files made by another thread, in one go: what is done up to the first failure, and what is left. */

import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FileStep, takeSteps } from '../../../src/kernel/file-steps.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-steps-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('folders have the modes that were asked for, less the umask', async () => {
  const steps = [0o700, 0o711, 0o777].map((mode, index) => ({ make: join(folder, `a${index}`), mode }))
  expect(await takeSteps(steps)).toBe(3)
  const modes = await Promise.all(steps.map(async ({ make }) => (await stat(make)).mode & 0o777))
  expect(modes).toEqual([0o700, 0o711, 0o777 & ~process.umask()])
})

test('values are written one after the other to their file', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')]
  await Promise.all([writeFile(one, 'xxxxxx'), writeFile(two, '')])
  // Write-only, as the kernel's own files may be.
  await chmod(two, 0o200)
  const steps = [
    { open: one, values: ['ab', 'cd'] },
    { open: two, values: ['ü'] },
  ]
  expect(await takeSteps(steps)).toBe(2)
  expect([await readFile(one, 'utf8'), await readFile(two, 'utf8')]).toEqual(['abcdxx', 'ü'])
})

test('after a step that fails no other is taken', async () => {
  const steps: FileStep[] = [
    { make: join(folder, 'a'), mode: 0o755 },
    { open: join(folder, 'missing'), values: ['1', '2'] },
    { make: join(folder, 'b'), mode: 0o755 },
  ]
  expect(await takeSteps(steps)).toBe(1)
  expect(await readdir(folder)).toEqual(['a'])
})

test('what is gone already is removed, what is not empty stays', async () => {
  const [empty, full] = [join(folder, 'empty'), join(folder, 'full')]
  await takeSteps([empty, full, join(full, 'inside')].map(make => ({ make, mode: 0o755 })))
  expect(await takeSteps([join(folder, 'missing'), empty, full].map(remove => ({ remove })))).toBe(2)
  expect(await readdir(folder)).toEqual(['full'])
})

test('a NUL in a value is no further step', async () => {
  const [file, victim] = [join(folder, 'file'), join(folder, 'victim')]
  await writeFile(file, '')
  await takeSteps([{ make: victim, mode: 0o755 }])
  expect(await takeSteps([{ open: file, values: [`1\0r${victim}`] }])).toBe(0)
  expect(await readdir(folder)).toContain('victim')
})

test('many at the same time do not get in each other’s way', async () => {
  const all = Array.from({ length: 64 }, (_, index) => join(folder, `${index}`))
  const taken = await Promise.all(
    all.map((make, index) =>
      takeSteps(Array.from({ length: 1 + (index % 3) }, (_, at) => ({ make: `${make}-${at}`, mode: 0o755 }))),
    ),
  )
  expect(taken).toEqual(all.map((_, index) => 1 + (index % 3)))
})
