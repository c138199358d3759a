/** Containers' roots: prepared, compared, packed, measured, removed. */

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Conflict, NotFound } from '../../../src/kernel/errors.ts'
import { close } from '../../../src/kernel/files.ts'
import type { SnapshotRoom } from '../../../src/snapshots/service.ts'
import type { RootMount } from '../../../src/snapshots/types.ts'
import { archive, bytesOf, inChunks, layerRoom, run, type TarEntry, temporaryFolder } from '../../support/layer-room.ts'

const BASE: TarEntry[] = [
  { name: './', type: 'directory', mode: 0o755, uid: 3, gid: 4, mtime: new Date('2011-01-01T00:00:00Z') },
  { name: 'etc/', type: 'directory' },
  { name: 'etc/passwd', content: 'root' },
  { name: 'etc/group', content: 'root' },
  { name: 'opt/', type: 'directory' },
  { name: 'opt/a', content: 'a' },
  { name: 'opt/b', content: 'b' },
]

async function prepared(): Promise<SnapshotRoom & { root: RootMount & { kind: 'overlay' } }> {
  const room = await layerRoom()
  const chain = await room.layers.place(await room.layers.stage(inChunks(await archive(BASE))), undefined)
  const root = await room.snapshots.prepare('container', [chain])
  if (root.kind !== 'overlay') throw new Error('expected an overlay')
  return { ...room, root }
}

/** Changes a root as a process in the container would: through the overlay. */
function within(room: SnapshotRoom, root: RootMount, change: (path: string) => void): void {
  const merged = room.snapshots.openMerged(root, { writable: true })
  try {
    change(`/proc/self/fd/${merged}`)
  } finally {
    close(merged)
  }
}

describe('roots', () => {
  it('look like the image’s own root folder', async () => {
    const { root } = await prepared()
    const { uid, gid, mode, mtimeMs } = statSync(root.upper)
    expect([uid, gid, mode & 0o7777, mtimeMs]).toEqual([3, 4, 0o755, Date.parse('2011-01-01T00:00:00Z')])
  })

  it('show their changes as docker diff does', async () => {
    const room = await prepared()
    within(room, room.root, path => {
      writeFileSync(join(path, 'etc/passwd'), 'changed')
      rmSync(join(path, 'etc/group'))
      mkdirSync(join(path, 'new'))
      writeFileSync(join(path, 'new/file'), 'x')
      rmSync(join(path, 'opt'), { recursive: true })
      mkdirSync(join(path, 'opt'))
      writeFileSync(join(path, 'opt/b'), 'other')
    })
    expect((await room.snapshots.changes(room.root)).map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'changed /etc',
      'deleted /etc/group',
      'changed /etc/passwd',
      'added /new',
      'added /new/file',
      'changed /opt',
      'deleted /opt/a',
      'changed /opt/b',
    ])
    expect(await room.snapshots.usage(room.root)).toEqual({ writable: 13, total: 13 + 10 })
  })

  it('become layers that make the same of the same base', async () => {
    const room = await prepared()
    within(room, room.root, path => {
      rmSync(join(path, 'opt'), { recursive: true })
      mkdirSync(join(path, 'opt'))
      writeFileSync(join(path, 'opt/c'), 'c')
      rmSync(join(path, 'etc/group'))
    })
    const packed = await bytesOf(room.snapshots.packDiff(room.root))
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'diff.tar'), packed)
    const { stdout } = await run('tar', ['-tf', join(folder, 'diff.tar')])
    expect(stdout.trim().split('\n')).toEqual(['etc/', 'etc/.wh.group', 'opt/', 'opt/.wh..wh..opq', 'opt/c'])
    // The fast way, without an archive in between, comes to the same layer.
    const [slow, fast] = [await room.layers.stage(inChunks(packed)), await room.layers.stageUpper(room.root.upper)]
    expect(fast.diffId).toBe(slow.diffId)
  })

  it('are exported whole, also while they are in use', async () => {
    const room = await prepared()
    within(room, room.root, path => writeFileSync(join(path, 'etc/passwd'), 'changed'))
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'tree.tar'), await bytesOf(room.snapshots.packTree(room.root)))
    const { stdout } = await run('tar', ['-xOf', join(folder, 'tree.tar'), 'etc/passwd', 'opt/b'])
    expect(stdout).toBe('changedb')
  })

  it('are made once, known after a restart, and removed without a trace', async () => {
    const { snapshots, layers, root } = await prepared()
    await layers.settle()
    await expect(snapshots.prepare('container', [])).rejects.toThrow(Conflict)
    const dataRoot = join(root.upper, '../../..')
    const again = await layerRoom(dataRoot)
    expect(await again.snapshots.root('container')).toEqual(root)
    await again.snapshots.remove('container')
    await again.snapshots.remove('container')
    expect(readdirSync(join(dataRoot, 'roots'))).toEqual([])
    await expect(again.snapshots.root('container')).rejects.toThrow(NotFound)
  })

  it('can do without any layer', async () => {
    const { snapshots } = await layerRoom()
    const root = await snapshots.prepare('scratch', [])
    const merged = snapshots.openMerged(root, { writable: true })
    writeFileSync(`/proc/self/fd/${merged}/file`, 'x')
    close(merged)
    expect(await snapshots.changes(root)).toEqual([{ kind: 'added', path: '/file' }])
  })
})

describe('copying in and out', () => {
  it('packs a file or folder under another name', async () => {
    const room = await prepared()
    const merged = room.snapshots.openMerged(room.root)
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'etc.tar'), await bytesOf(room.archives.pack(merged, '/etc', 'config')))
    writeFileSync(join(folder, 'one.tar'), await bytesOf(room.archives.pack(merged, 'opt/a', 'one')))
    close(merged)
    const list = async (name: string) => (await run('tar', ['-tf', join(folder, name)])).stdout.trim().split('\n')
    const below = ['config/hostname', 'config/hosts', 'config/mtab', 'config/resolv.conf']
    expect((await list('etc.tar')).sort()).toEqual(['config/', 'config/group', 'config/passwd', ...below].sort())
    expect(await list('one.tar')).toEqual(['one'])
  })

  it('unpacks into a folder, through the root’s own symlinks and never out of it', async () => {
    const room = await prepared()
    const merged = room.snapshots.openMerged(room.root, { writable: true })
    try {
      const { symlinkSync } = await import('node:fs')
      symlinkSync('/opt', `/proc/self/fd/${merged}/absolute`)
      symlinkSync('../../../../../../tmp', `/proc/self/fd/${merged}/opt/climbs`)
      const into = async (path: string, entries: TarEntry[], options = {}) =>
        room.archives.unpack(merged, path, inChunks(await archive(entries)), options)
      await into('/absolute', [{ name: 'new', content: 'x', uid: 12 }])
      expect(readFileSync(`/proc/self/fd/${merged}/opt/new`, 'utf8')).toBe('x')
      // What climbs stays at the root, as it would for a process in the container: /tmp is missing there, and made.
      await into('/opt', [{ name: 'climbs/skiff-test-escape', content: 'x' }]).catch(() => {})
      expect(readdirSync('/tmp')).not.toContain('skiff-test-escape')
      await into('/', [{ name: 'etc/passwd', content: 'new' }], { owner: { uid: 1, gid: 2 } })
      const { uid, gid } = statSync(`/proc/self/fd/${merged}/etc/passwd`)
      expect([uid, gid]).toEqual([1, 2])
      await expect(into('/missing', [])).rejects.toThrow(NotFound)
      await expect(into('/', [{ name: 'etc', content: 'x' }], { keepKind: true })).rejects.toThrow(
        'cannot overwrite directory "/etc" with non-directory',
      )
      await expect(into('/', [{ name: 'opt/a/', type: 'directory' }], { keepKind: true })).rejects.toThrow(
        'cannot overwrite non-directory "/opt/a" with directory',
      )
      await into('/', [{ name: 'etc', content: 'a file now' }])
      expect(readFileSync(`/proc/self/fd/${merged}/etc`, 'utf8')).toBe('a file now')
    } finally {
      close(merged)
    }
  })
})
