/** What is unpacked is what the archive says, for all dialects; compared with GNU tar. */

import { execFile } from 'node:child_process'
import { lstatSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { xattrsOf } from '../../../src/kernel/xattr.ts'
import { fingerprint } from '../../support/fingerprint.ts'
import { fixture } from '../../support/images.ts'
import { archive, bytesOf, inChunks, layerRoom, type TarEntry, temporaryFolder } from '../../support/layer-room.ts'

const run = promisify(execFile)

/** The folder of a layer with these entries. */
async function unpacked(entries: TarEntry[]): Promise<string> {
  const { layers } = await layerRoom()
  const staged = await layers.stage(inChunks(await archive(entries)))
  return join(staged.folder, 'tree')
}

describe('unpacking a layer', () => {
  it('gives what GNU tar gives, of a whole Debian', async () => {
    const debian = await fixture('debian.tar')
    const { layers } = await layerRoom()
    const staged = await layers.stage(inChunks(readFileSync(debian), 65536))
    const expected = join(await temporaryFolder(), 'expected')
    await mkdir(expected)
    await run('tar', ['-x', '-f', debian, '-C', expected, '--xattrs', '--xattrs-include=*', '--numeric-owner', '-p'])
    expect(fingerprint(join(staged.folder, 'tree'))).toEqual(fingerprint(expected))
  })

  it.each(['0.0', '0.1', '1.0', 'gnu'])('keeps holes, from GNU tar (sparse format %s)', async format => {
    const folder = await temporaryFolder()
    const file = join(folder, 'sparse')
    await writeFile(file, 'start')
    const parts = Array.from({ length: 40 }, (_, i) => i)
    const { open } = await import('node:fs/promises')
    const handle = await open(file, 'r+')
    for (const part of parts) await handle.write(`part ${part}`, (part + 1) * 1_000_000)
    await handle.close()
    await truncate(file, 60_000_000)
    const tar = join(folder, 'sparse.tar')
    const options = format === 'gnu' ? ['--format=gnu'] : ['--format=posix', `--sparse-version=${format}`]
    await run('tar', ['-c', '-S', ...options, '-f', tar, '-C', folder, 'sparse'])
    const { layers } = await layerRoom()
    const staged = await layers.stage(inChunks(readFileSync(tar), 10_000))
    const result = join(staged.folder, 'tree/sparse')
    expect(readFileSync(result).equals(readFileSync(file))).toBe(true)
    expect(statSync(result).blocks * 512).toBeLessThan(2_000_000)
    expect(staged.contents.size).toBe(60_000_000)
  })

  it.each(['gnu', 'posix', 'ustar', 'v7'])('reads names and times of format %s', async format => {
    const folder = await temporaryFolder()
    const long = format === 'gnu' || format === 'posix'
    const name = long ? `${'long-name/'.repeat(20)}${'n'.repeat(200)}` : `${'n/'.repeat(20)}${'n'.repeat(40)}`
    await mkdir(join(folder, 'in', name), { recursive: true })
    await writeFile(join(folder, 'in', name, 'ä\n'), 'x')
    await run('ln', ['-s', name, join(folder, 'in/link')])
    await run('tar', ['-c', `--format=${format}`, '-f', join(folder, 'a.tar'), '-C', join(folder, 'in'), '.'])
    await mkdir(join(folder, 'out'))
    await run('tar', ['-x', '-f', join(folder, 'a.tar'), '-C', join(folder, 'out'), '-p'])
    const { layers } = await layerRoom()
    const staged = await layers.stage(inChunks(readFileSync(join(folder, 'a.tar'))))
    expect(fingerprint(join(staged.folder, 'tree'))).toEqual(fingerprint(join(folder, 'out')))
  })

  it('takes leading slashes and dots for nothing', async () => {
    const tree = await unpacked([
      { name: '/etc/a', content: '1' },
      { name: './etc/./b', content: '2' },
      { name: 'x/../etc//c', content: '3' },
    ])
    expect((await readdir(join(tree, 'etc'))).sort()).toEqual(['a', 'b', 'c'])
    expect(await readdir(tree)).toEqual(['etc'])
  })

  it('goes through symlinks that stay inside', async () => {
    const tree = await unpacked([
      { name: 'usr/lib/', type: 'directory' },
      { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
      { name: 'lib/a', content: 'x' },
    ])
    expect(readFileSync(join(tree, 'usr/lib/a'), 'utf8')).toBe('x')
    expect(lstatSync(join(tree, 'lib')).isSymbolicLink()).toBe(true)
  })

  it('leaves symlinks that point outside alone', async () => {
    const tree = await unpacked([{ name: 'etc/mtab', type: 'symlink', linkname: '../../../../proc/mounts' }])
    expect(lstatSync(join(tree, 'etc/mtab')).isSymbolicLink()).toBe(true)
  })

  it('keeps setuid after giving the file away, and folder times after filling them', async () => {
    const mtime = new Date('2001-02-03T04:05:06Z')
    const tree = await unpacked([
      { name: 'd/', type: 'directory', mode: 0o2775, uid: 7, gid: 8, mtime },
      { name: 'd/su', content: 'x', mode: 0o6755, uid: 1000, gid: 1000, mtime },
    ])
    const [folder, file] = [statSync(join(tree, 'd')), statSync(join(tree, 'd/su'))]
    expect([folder.mode & 0o7777, folder.uid, folder.gid, folder.mtimeMs]).toEqual([0o2775, 7, 8, mtime.getTime()])
    expect([file.mode & 0o7777, file.uid, file.gid, file.mtimeMs]).toEqual([0o6755, 1000, 1000, mtime.getTime()])
  })

  it('turns whiteouts into devices and opaque folders into attributes', async () => {
    const tree = await unpacked([
      { name: 'etc/.wh.passwd' },
      { name: 'opt/', type: 'directory' },
      { name: 'opt/.wh..wh..opq' },
      { name: '.wh..wh.plnk/x' },
      { name: '.wh..wh.aufs' },
    ])
    const whiteout = lstatSync(join(tree, 'etc/passwd'))
    expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0])
    expect(xattrsOf(join(tree, 'opt')).get('trusted.overlay.opaque')?.toString()).toBe('y')
    expect((await readdir(tree)).filter(name => name.startsWith('.wh.') && name !== '.wh..wh.plnk')).toEqual([])
  })

  it('lets a whiteout hide only what is below its own layer, in any order', async () => {
    const tree = await unpacked([
      { name: 'a', content: 'new' },
      { name: '.wh.a' },
      { name: '.wh.d' },
      { name: 'd/', type: 'directory' },
      { name: 'd/file', content: 'new' },
      { name: 'e/file', content: 'new' },
      { name: '.wh.e' },
    ])
    expect(readFileSync(join(tree, 'a'), 'utf8')).toBe('new')
    for (const folder of ['d', 'e']) {
      expect(readFileSync(join(tree, folder, 'file'), 'utf8')).toBe('new')
      expect(xattrsOf(join(tree, folder)).get('trusted.overlay.opaque')?.toString()).toBe('y')
    }
  })

  it('lets the last entry of a name count, and still repeats the archive', async () => {
    const bytes = await archive([
      { name: 'a', content: 'first' },
      { name: 'b', type: 'link', linkname: 'a' },
      { name: 'a', content: 'second one' },
      { name: 'c/', type: 'directory', mode: 0o700 },
      { name: 'c', content: 'was a folder' },
      { name: 'a', content: 'third' },
      { name: 's', type: 'symlink', linkname: 'a' },
      { name: 's', content: 'was a symlink' },
    ])
    const { layers } = await layerRoom()
    const chain = await layers.place(await layers.stage(inChunks(bytes)), undefined)
    const tree = layers.treeOf(layers.get(chain))
    const read = (name: string) => readFileSync(join(tree, name), 'utf8')
    expect(['a', 'b', 'c', 's'].map(read)).toEqual(['third', 'first', 'was a folder', 'was a symlink'])
    expect((await bytesOf(layers.archive(chain))).equals(bytes)).toBe(true)
  })

  it('repeats any archive byte for byte, trailing rubbish included, and notices changes on disk', async () => {
    const { layers } = await layerRoom()
    const bytes = Buffer.concat([
      readFileSync(await fixture('busybox.tar')),
      Buffer.from('rubbish'),
      Buffer.alloc(70_000),
    ])
    const chain = await layers.place(await layers.stage(inChunks(bytes, 65536)), undefined)
    expect((await bytesOf(layers.archive(chain))).equals(bytes)).toBe(true)
    await writeFile(join(layers.treeOf(layers.get(chain)), 'bin/busybox'), 'altered')
    await expect(bytesOf(layers.archive(chain))).rejects.toThrow(/changed on disk/)
  })
})
