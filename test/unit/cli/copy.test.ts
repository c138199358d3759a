/** cp: what goes where, and archives that want to get out. */

import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { packPath } from '../../../src/cli/copy/pack.ts'
import { planCopy, renamed, splitArgument } from '../../../src/cli/copy/paths.ts'
import { resolveTarget, unpackInto } from '../../../src/cli/copy/unpack.ts'

let folder: string
let inside: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-copy-'))
  inside = join(folder, 'inside')
  await mkdir(inside)
  await mkdir(join(folder, 'outside'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('a copy of', () => {
  const file = { path: '/a/file', isDirectory: false }
  const dir = { path: '/a/dir', isDirectory: true }
  const content = { path: '/a/dir/.', isDirectory: true }
  const there = (path: string, isDirectory: boolean) => ({ path, exists: true, isDirectory })
  const missing = (path: string) => ({ path, exists: false, isDirectory: false })

  test.each([
    ['a file into a folder', file, there('/d', true), '/d', 'file'],
    ['a file over a file', file, there('/d/x', false), '/d', 'x'],
    ['a file under a new name', file, missing('/d/x'), '/d', 'x'],
    ['a folder into a folder', dir, there('/d', true), '/d', 'dir'],
    ['a folder under a new name', dir, missing('/d/x'), '/d', 'x'],
    ['the content of a folder', content, there('/d', true), '/d', '.'],
    ['the content under a new name', content, missing('/d/x/'), '/d', 'x'],
  ])('%s', (_what, source, target, where, name) => {
    const plan = planCopy(source, target)
    expect(plan.folder).toBe(where)
    expect(renamed(source === content ? '.' : (source.path.split('/').at(-1) ?? ''), plan.rename)).toBe(name)
  })

  test('what cannot be is refused', () => {
    expect(() => planCopy(dir, there('/d/x', false))).toThrow('cannot copy directory')
    expect(() => planCopy(file, missing('/d/x/'))).toThrow('no such directory')
  })

  test('names within follow', () => {
    expect(renamed('dir/a/b', { from: 'dir', to: 'x' })).toBe('x/a/b')
    expect(renamed('./a', { from: '.', to: 'x' })).toBe('x/a')
    expect(renamed('directory/a', { from: 'dir', to: 'x' })).toBe('directory/a')
  })
})

test('a colon makes a container, unless a slash comes first', () => {
  expect(splitArgument('c:/x:y')).toEqual({ container: 'c', path: '/x:y' })
  expect(splitArgument('./c:/x')).toBeUndefined()
  expect(splitArgument('/c:/x')).toBeUndefined()
  expect(splitArgument('plain')).toBeUndefined()
})

test('a tree survives being packed and unpacked', async () => {
  const source = join(folder, 'tree')
  await mkdir(join(source, 'sub'), { recursive: true })
  await writeFile(join(source, 'sub', 'file'), 'x'.repeat(300_000), { mode: 0o751 })
  await writeFile(join(source, 'empty'), '')
  await symlink('../anywhere', join(source, 'link'))
  await unpackInto(packPath(source, 'copy'), { plan: { folder: inside, rename: undefined }, keepOwner: true })
  const copy = join(inside, 'copy')
  expect((await readdir(copy)).sort()).toEqual(['empty', 'link', 'sub'])
  expect(await readFile(join(copy, 'sub', 'file'), 'utf8')).toBe('x'.repeat(300_000))
  expect((await stat(join(copy, 'sub', 'file'))).mode & 0o777).toBe(0o751)
  expect(await readlink(join(copy, 'link'))).toBe('../anywhere')
})

describe('a hostile archive', () => {
  type Entry = Parameters<ReturnType<typeof pack>['entry']>[0]
  const unpack = async (...entries: [Entry, string?][]) => {
    const archive = pack()
    for (const [header, content] of entries) {
      if (content === undefined) archive.entry(header)
      else archive.entry(header, content)
    }
    archive.finalize()
    const bytes = await buffer(Readable.from(archive, { objectMode: false }))
    await unpackInto(Readable.from([bytes]), { plan: { folder: inside, rename: undefined }, keepOwner: false })
  }
  const outside = () => readdir(join(folder, 'outside'))

  test('cannot climb out by its names', async () => {
    await expect(unpack([{ name: '../outside/x' }, 'x'])).rejects.toThrow('leads out of it')
    await expect(unpack([{ name: 'a/../../outside/x' }, 'x'])).rejects.toThrow('leads out of it')
    await unpack([{ name: '/absolute' }, 'x'])
    expect(await outside()).toEqual([])
    expect(await readdir(inside)).toEqual(['absolute'])
  })

  test('cannot write through a link that it has made', async () => {
    const link: Entry = { name: 'link', type: 'symlink', linkname: '../outside' }
    await expect(unpack([link], [{ name: 'link/x' }, 'x'])).rejects.toThrow('leads through a link')
    expect(await outside()).toEqual([])
  })

  test('cannot write through a link to a file', async () => {
    await writeFile(join(folder, 'outside', 'victim'), 'before')
    await unpack([{ name: 'link', type: 'symlink', linkname: '../outside/victim' }], [{ name: 'link' }, 'after'])
    expect(await readFile(join(folder, 'outside', 'victim'), 'utf8')).toBe('before')
    expect((await lstat(join(inside, 'link'))).isFile()).toBe(true)
  })

  test('cannot make a hard link to what is outside', async () => {
    await writeFile(join(folder, 'outside', 'victim'), 'before')
    await expect(unpack([{ name: 'x', type: 'link', linkname: '../outside/victim' }])).rejects.toThrow(
      'leads out of it',
    )
    const link: Entry = { name: 'link', type: 'symlink', linkname: '../outside' }
    await expect(unpack([link], [{ name: 'x', type: 'link', linkname: 'link/victim' }])).rejects.toThrow(
      'leads through a link',
    )
  })

  test('cannot change the folder that it is unpacked in', async () => {
    const before = (await stat(inside)).mode
    await unpack([{ name: './', type: 'directory', mode: 0o777 }], [{ name: './x' }, 'x'])
    expect((await stat(inside)).mode).toBe(before)
  })

  test('cannot put a file in the place of a folder, or the other way round', async () => {
    await mkdir(join(inside, 'd'))
    await writeFile(join(inside, 'f'), '')
    await expect(unpack([{ name: 'd' }, 'x'])).rejects.toThrow('cannot overwrite directory')
    await expect(unpack([{ name: 'f', type: 'directory' }])).rejects.toThrow('cannot overwrite non-directory')
  })

  test('that is cut off is an error', async () => {
    const bytes = await buffer(packPath(inside, 'x'))
    const cut = Readable.from([bytes.subarray(0, 100)])
    await expect(unpackInto(cut, { plan: { folder: inside, rename: undefined }, keepOwner: false })).rejects.toThrow()
  })
})

test('a target may be a link to a folder', async () => {
  await symlink('outside', join(folder, 'link'))
  expect(await resolveTarget(join(folder, 'link'))).toEqual({
    path: join(folder, 'outside'),
    exists: true,
    isDirectory: true,
  })
  expect(await resolveTarget(join(folder, 'new'))).toMatchObject({ exists: false })
  await expect(resolveTarget(join(folder, 'no', 'new'))).rejects.toThrow('does not exist')
})
