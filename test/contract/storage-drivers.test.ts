/** What every storage driver owes: overlay2, vfs, and vfs on a file system that is an overlay itself and knows no whiteouts. */

import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDetachedOverlay } from '../../src/kernel/detached-mount.ts'
import { close } from '../../src/kernel/files.ts'
import { openSnapshots, type SnapshotRoom } from '../../src/snapshots/service.ts'
import type { ChainId, RootMount, StorageDriver } from '../../src/snapshots/types.ts'
import { disposeLater } from '../support/disposal.ts'
import { fingerprint } from '../support/fingerprint.ts'
import { archive, bytesOf, inChunks, type TarEntry, temporaryFolder } from '../support/layer-room.ts'

const AT = { mtime: new Date('2015-05-05T05:05:05Z') }

/** Three layers with everything that one can do to those below. */
const LAYERS: TarEntry[][] = [
  [
    { name: './', type: 'directory', mode: 0o711, uid: 3, gid: 4, ...AT },
    { name: 'etc/', type: 'directory', ...AT },
    { name: 'etc/passwd', content: 'root', mode: 0o640, gid: 7, ...AT },
    { name: 'etc/shadow', type: 'link', linkname: 'etc/passwd' },
    { name: 'opt/', type: 'directory', mode: 0o2775, ...AT },
    { name: 'opt/a', content: 'a', mode: 0o4755, uid: 9, ...AT },
    { name: 'opt/b', content: 'b', ...AT },
    { name: 'lib', type: 'symlink', linkname: 'usr/lib', ...AT },
    { name: 'usr/', type: 'directory', ...AT },
    { name: 'usr/lib/', type: 'directory', ...AT },
    { name: 'usr/lib/x', content: 'x', ...AT },
    { name: 'was-file', content: 'f', ...AT },
    { name: 'was-folder/in', content: 'i', ...AT },
    { name: 'pipe', type: 'fifo', ...AT },
  ],
  [
    { name: 'etc/.wh.shadow', content: '' },
    { name: 'opt/', type: 'directory', ...AT },
    { name: 'opt/.wh..wh..opq', content: '' },
    { name: 'opt/c', content: 'c', ...AT },
    { name: 'lib/', type: 'directory', ...AT },
    { name: 'lib/y', content: 'y', ...AT },
    { name: 'was-file/', type: 'directory', ...AT },
    { name: 'was-file/now', content: 'n', ...AT },
    { name: 'was-folder', content: 'now a file', ...AT },
  ],
  [
    // A folder that no entry announces, and a hard link into a layer below.
    { name: 'usr/lib/z', content: 'z', ...AT },
    { name: 'usr/passwd', type: 'link', linkname: 'etc/passwd' },
    { name: '.wh.pipe', content: '' },
  ],
]

async function open(dataRoot: string, driver: StorageDriver | ''): Promise<SnapshotRoom> {
  const room = await openSnapshots(dataRoot, { driver })
  disposeLater(() => room.workers.close())
  return room
}

/** A folder on an overlay that no mount table shows. */
async function folderOnOverlay(): Promise<string> {
  const folder = await temporaryFolder()
  for (const name of ['lower', 'upper', 'work']) mkdirSync(join(folder, name))
  const [upper, work] = [join(folder, 'upper'), join(folder, 'work')]
  const overlay = openDetachedOverlay({ folder, lower: ['lower'], upper, work })
  disposeLater(async () => close(overlay))
  return `/proc/self/fd/${overlay}`
}

async function chainOf(room: SnapshotRoom, layers: TarEntry[][]): Promise<ChainId[]> {
  const chain: ChainId[] = []
  for (const entries of layers) {
    chain.push(await room.layers.place(await room.layers.stage(inChunks(await archive(entries))), chain.at(-1)))
  }
  return chain
}

function within<T>(room: SnapshotRoom, root: RootMount, use: (path: string) => T): T {
  const merged = room.snapshots.openMerged(root, { writable: true })
  try {
    return use(`/proc/self/fd/${merged}`)
  } finally {
    close(merged)
  }
}

function shown(room: SnapshotRoom, root: RootMount): string[] {
  const merged = room.snapshots.openMerged(root)
  try {
    // The lowest layer is as old as its data-root.
    const lowest = /^\/(\.dockerenv|dev|proc|sys|etc\/(hosts|hostname|resolv.conf|mtab))\b/
    return fingerprint(merged).filter(line => !lowest.test(line))
  } finally {
    close(merged)
  }
}

const KINDS: [name: string, driver: StorageDriver | '', folder: () => Promise<string>][] = [
  ['overlay2', '', temporaryFolder],
  ['vfs', 'vfs', temporaryFolder],
  ['vfs on an overlay', '', folderOnOverlay],
]

describe.each(KINDS)('%s', (name, driver, folder) => {
  const prepared = async () => {
    const room = await open(await folder(), driver)
    const chain = await chainOf(room, LAYERS)
    return { room, chain, root: await room.snapshots.prepare('container', chain) }
  }

  test('is what it says', async () => {
    const { room, root } = await prepared()
    expect(room.layers.driver).toBe(name === 'overlay2' ? 'overlay2' : 'vfs')
    expect(root.kind).toBe(name === 'overlay2' ? 'overlay' : 'plain')
    expect(room.noOverlay?.message ?? '').toMatch(
      name === 'vfs on an overlay' ? /overlay cannot be used on .*: EINVAL/ : /^$/,
    )
  })

  test('shows of a stack of layers what overlay shows', async () => {
    const { room, root } = await prepared()
    const reference = await open(await temporaryFolder(), 'overlay2')
    const expected = await reference.snapshots.prepare('container', await chainOf(reference, LAYERS))
    expect(shown(room, root)).toEqual(shown(reference, expected))
    within(room, root, path => {
      expect(readdirSync(path)).toEqual(expect.arrayContaining(['etc', 'lib', 'opt', 'usr', 'was-file', 'was-folder']))
      expect(readdirSync(path)).not.toContain('pipe')
      expect(readdirSync(join(path, 'opt'))).toEqual(['c'])
      expect(readdirSync(join(path, 'lib'))).toEqual(['y'])
      expect(statSync(join(path, 'usr/passwd')).ino).toBe(statSync(join(path, 'etc/passwd')).ino)
    })
  })

  test('gives each container a root of its own', async () => {
    const { room, chain, root } = await prepared()
    const other = await room.snapshots.prepare('other', chain)
    within(room, root, path => writeFileSync(join(path, 'etc/passwd'), 'changed'))
    within(room, other, path => expect(readFileSync(join(path, 'etc/passwd'), 'utf8')).toBe('root'))
  })

  test('tells what was changed, and makes a layer of it that shows the same', async () => {
    const { room, chain, root } = await prepared()
    within(room, root, path => {
      writeFileSync(join(path, 'etc/passwd'), 'changed')
      mkdirSync(join(path, 'new'))
      writeFileSync(join(path, 'new/file'), 'x')
      linkSync(join(path, 'new/file'), join(path, 'new/link'))
      symlinkSync('file', join(path, 'new/symlink'))
      rmSync(join(path, 'was-file'), { recursive: true })
      rmSync(join(path, 'lib/y'))
      chmodSync(join(path, 'opt'), 0o700)
    })
    const changes = await room.snapshots.changes(root)
    expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual(
      [
        'changed /etc',
        'changed /etc/passwd',
        'changed /lib',
        'deleted /lib/y',
        'added /new',
        'added /new/file',
        'added /new/link',
        'added /new/symlink',
        'changed /opt',
        'changed /usr',
        'changed /usr/passwd',
        'deleted /was-file',
      ].filter(line => name !== 'overlay2' || !line.includes('/usr')),
    )
    const diff = await bytesOf(room.snapshots.packDiff(root))
    const top = await room.layers.place(await room.layers.stage(inChunks(diff)), chain.at(-1))
    const again = await room.snapshots.prepare('again', [...chain, top])
    // A write through overlay parts a file of a layer from its other names; and the root is not part of a layer.
    const files = (all: string[]) => all.slice(1).map(line => line.replace(/ same as .*/, ''))
    expect(files(shown(room, again))).toEqual(files(shown(room, root)))
  })

  test('finds its roots again, and removes them without a trace', async () => {
    const dataRoot = await folder()
    const room = await open(dataRoot, driver)
    const root = await room.snapshots.prepare('container', await chainOf(room, LAYERS))
    expect((await room.snapshots.usage(root)).total).toBeGreaterThan(0)
    await room.layers.settle()
    const later = await open(dataRoot, driver)
    expect(await later.snapshots.root('container')).toEqual(root)
    await later.snapshots.remove('container')
    expect(readdirSync(join(dataRoot, 'roots'))).toEqual([])
    expect(readdirSync(join(dataRoot, 'layers/staging'))).toEqual([])
  })
})

test('overlay2 is refused where it was asked for and cannot be had', async () => {
  await expect(openSnapshots(await folderOnOverlay(), { driver: 'overlay2' })).rejects.toThrow('overlay cannot be used')
})
