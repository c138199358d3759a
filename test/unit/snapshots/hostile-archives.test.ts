/** Archives that lie, climb out or break off: all are refused, and nothing of them stays. */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { InvalidParameter } from '../../../src/kernel/errors.ts'
import { fromText } from '../../../src/snapshots/tar/byte-string.ts'
import { encodeHeader } from '../../../src/snapshots/tar/header.ts'
import { encodePax } from '../../../src/snapshots/tar/pax.ts'
import type { DiffId, Digest } from '../../../src/snapshots/types.ts'
import { archive, inChunks, layerRoom, type TarEntry } from '../../support/layer-room.ts'

/** Stages an archive that must be refused, in a room beside a file that must stay as it is. */
async function refused(bytes: Buffer, expected = {}): Promise<Error> {
  const { layers, folder } = await layerRoom()
  await writeFile(join(folder, 'victim'), 'untouched')
  const failure: unknown = await layers.stage(inChunks(bytes), expected).then(
    () => new Error('it was accepted'),
    error => error,
  )
  expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched')
  expect(await readdir(join(folder, 'layers/staging'))).toEqual([])
  expect(await readdir(join(folder, 'layers/tree'))).toEqual(['0'])
  expect(await readdir(join(folder, 'layers/tapes'))).toEqual([])
  return failure as Error
}

const OUTSIDE = '../../../victim'

const HOSTILE: [what: string, entries: TarEntry[], message: RegExp][] = [
  ['a name that climbs', [{ name: OUTSIDE, content: 'x' }], /is outside of its root/],
  ['a name that climbs later', [{ name: `a/../../${OUTSIDE}`, content: 'x' }], /is outside of its root/],
  ['a folder that climbs', [{ name: '../..', type: 'directory' }], /is outside of its root/],
  [
    'a symlink up and a file through it',
    [
      { name: 'up', type: 'symlink', linkname: '../../..' },
      { name: 'up/victim', content: 'x' },
    ],
    /leads out through a symlink/,
  ],
  [
    'an absolute symlink and a file through it',
    [
      { name: 'etc', type: 'symlink', linkname: '/etc' },
      { name: 'etc/skiff-test-escape', content: 'x' },
    ],
    /leads out through a symlink/,
  ],
  [
    'a folder made through a symlink',
    [
      { name: 'tmp', type: 'symlink', linkname: '/tmp' },
      { name: 'tmp/a/b/c', content: 'x' },
    ],
    /leads out through a symlink/,
  ],
  [
    'a symlink through a symlink',
    [
      { name: 'a', type: 'symlink', linkname: 'b' },
      { name: 'b', type: 'symlink', linkname: '../../../' },
      { name: 'a/victim', content: 'x' },
    ],
    /leads out through a symlink/,
  ],
  [
    'a loop',
    [
      { name: 'a', type: 'symlink', linkname: 'a' },
      { name: 'a/b', content: 'x' },
    ],
    /loop of symlinks/,
  ],
  ['a hard link that climbs', [{ name: 'a', type: 'link', linkname: OUTSIDE }], /is outside of its root/],
  [
    'a hard link through a symlink',
    [
      { name: 'up', type: 'symlink', linkname: '../../..' },
      { name: 'a', type: 'link', linkname: 'up/victim' },
    ],
    /leads out through a symlink/,
  ],
  [
    'a hard link to a folder',
    [
      { name: 'a', type: 'directory' },
      { name: 'b', type: 'link', linkname: 'a' },
    ],
    /hard link to a folder/,
  ],
  [
    'a file in a file',
    [
      { name: 'a', content: 'x' },
      { name: 'a/b', content: 'x' },
    ],
    /is not a folder/,
  ],
  ['a whiteout of ..', [{ name: 'a/.wh...' }], /bad whiteout/],
  ['a whiteout of nothing', [{ name: 'a/.wh.' }], /bad whiteout/],
  ['a whiteout that climbs', [{ name: '../.wh.victim' }], /is outside of its root/],
  [
    'a folder with files that becomes a file',
    [
      { name: 'a/b', content: 'x' },
      { name: 'a', content: 'x' },
    ],
    /both a folder with files and something else/,
  ],
  ['a root that is a file', [{ name: './', type: 'symlink', linkname: '/etc' }], /root is not a folder/],
  ['an empty symlink', [{ name: 'a', type: 'symlink', linkname: '' }], /no valid target/],
]

describe('hostile archives', () => {
  it.each(HOSTILE)('%s', async (_, entries, message) => {
    const error = await refused(await archive(entries))
    expect(error).toBeInstanceOf(InvalidParameter)
    expect(error.message).toMatch(message)
  })

  it('keeps a good archive out if its last entry is bad', async () => {
    const good: TarEntry[] = Array.from({ length: 50 }, (_, i) => ({ name: `folder/${i}`, content: 'x'.repeat(5000) }))
    expect((await refused(await archive([...good, { name: OUTSIDE }]))).message).toMatch(/outside/)
  })

  it('refuses a NUL in a name of an extended header', async () => {
    const content = encodePax([['path', fromText('a\0b')]])
    const header = entryHeader('x', content.length)
    const bytes = Buffer.concat([
      header,
      content,
      Buffer.alloc(512 - content.length),
      entryHeader('0', 0),
      Buffer.alloc(1024),
    ])
    expect((await refused(bytes)).message).toMatch(/NUL/)
  })

  it.each([
    ['a length that is too long', Buffer.from('99 path=a\n')],
    ['a length that is no number', Buffer.from('x path=a\n')],
    ['no newline', Buffer.from('9 path=ab')],
    ['no key', Buffer.from('6 abc\n')],
    ['a size that is no number', Buffer.from('11 size=1x\n')],
  ])('refuses an extended header with %s', async (_, content) => {
    const bytes = Buffer.concat([
      entryHeader('x', content.length),
      content,
      Buffer.alloc(512 - content.length),
      entryHeader('0', 0),
      Buffer.alloc(1024),
    ])
    expect((await refused(bytes)).message).toMatch(/extended header/)
  })

  it('refuses an extended header of endless size, without reading it', async () => {
    expect((await refused(Buffer.concat([entryHeader('x', 2 ** 32), Buffer.alloc(4096)]))).message).toMatch(/too large/)
  })

  it.each([
    [
      [
        { offset: 100, length: 10 },
        { offset: 50, length: 10 },
      ],
    ],
    [[{ offset: 0, length: 1 << 20 }]],
  ])('refuses a sparse map that lies', async extents => {
    const map = extents.map(({ offset, length }) => `${offset},${length}`).join(',')
    const content = encodePax([
      ['GNU.sparse.map', fromText(map)],
      ['GNU.sparse.size', fromText('1000')],
    ])
    const bytes = Buffer.concat([
      entryHeader('x', content.length),
      content,
      Buffer.alloc(512 - content.length),
      entryHeader('0', 20),
      Buffer.alloc(512),
      Buffer.alloc(1024),
    ])
    expect((await refused(bytes)).message).toMatch(/sparse map/)
  })

  it('refuses what is no archive, or has a broken header', async () => {
    expect((await refused(Buffer.alloc(2000, 'no archive'))).message).toMatch(/invalid tar header/)
    const broken = await archive([{ name: 'a', content: 'x' }])
    broken[10] = 0x41
    expect((await refused(broken)).message).toMatch(/invalid tar header/)
  })

  it('refuses an archive that ends early, wherever that is', async () => {
    const whole = await archive([
      { name: 'a', content: 'x'.repeat(2000) },
      { name: 'b', content: 'y' },
    ])
    // In the first header, in a content, in a padding, between two entries, before the end mark; and at once.
    for (const length of [0, 100, 700, 2550, 2560, 3584]) {
      expect((await refused(whole.subarray(0, length))).message).toBe('unexpected EOF')
    }
  })

  it('refuses sizes and digests that are not those announced', async () => {
    const bytes = await archive([{ name: 'a', content: 'x' }])
    const zeros = `sha256:${'0'.repeat(64)}`
    expect((await refused(bytes, { diffId: zeros as DiffId })).message).toMatch(/invalid diffID: expected "sha256:0000/)
    expect((await refused(bytes, { storedDigest: zeros as Digest })).message).toMatch(/verification failed/)
    expect((await refused(bytes, { storedSize: bytes.length + 1 })).message).toMatch(/in place of/)
    expect((await refused(bytes, { storedSize: bytes.length - 1 })).message).toMatch(/larger than/)
  })

  it('does not let an archive set marks that layers have', async () => {
    const { layers } = await layerRoom()
    const redirect = encodePax([
      ['SCHILY.xattr.trusted.overlay.redirect', fromText('/etc')],
      ['SCHILY.xattr.trusted.skiff.opaque', fromText('y')],
      ['SCHILY.xattr.user.kept', fromText('yes')],
    ])
    const bytes = Buffer.concat([
      entryHeader('x', redirect.length),
      redirect,
      Buffer.alloc(512 - redirect.length),
      entryHeader('0', 0),
      Buffer.alloc(1024),
    ])
    const staged = await layers.stage(inChunks(bytes))
    const { xattrsOf } = await import('../../../src/kernel/xattr.ts')
    expect([...xattrsOf(join(staged.folder, 'tree/name')).keys()]).toEqual(['user.kept'])
    await layers.discard(staged)
  })
})

function entryHeader(type: string, storedSize: number): Buffer {
  return encodeHeader(
    {
      kind: 'file',
      name: fromText('name'),
      mode: 0o644,
      uid: 0,
      gid: 0,
      modified: { s: 0, ns: 0 },
      accessed: undefined,
      target: fromText(''),
      major: 0,
      minor: 0,
      xattrs: new Map(),
      storedSize,
      size: storedSize,
      extents: undefined,
    },
    type,
  )
}
