/** Images from import to removal, by Docker's rules and words. */

import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/images/blobs.ts'
import { openImages } from '../../../src/images/service.ts'
import type { ImageEvent, ImageUse, Progress } from '../../../src/images/types.ts'
import { Conflict, InvalidParameter, NotFound } from '../../../src/kernel/errors.ts'
import { archive, bytesOf, inChunks, layerRoom, run, type TarEntry } from '../../support/layer-room.ts'

async function imageRoom(dataRoot?: string) {
  const room = await layerRoom(dataRoot)
  const uses = new Map<string, ImageUse[]>()
  const images = await openImages({ dataRoot: room.folder, room, usesOf: id => uses.get(id) ?? [] })
  const events: string[] = []
  images.subscribe((event: ImageEvent) => events.push(event.action))
  const make = async (reference: string | undefined, entries: TarEntry[] = [{ name: 'a', content: `${reference}` }]) =>
    images.importRootfs(inChunks(await archive(entries)), { reference, changes: ['CMD ["sh"]', 'LABEL kind=test'] })
  return { ...room, images, uses, events, make }
}

const layerNames = async (folder: string): Promise<string[]> => (await readdir(join(folder, 'layers/tree'))).sort()

describe('images', () => {
  it('are imported with instructions and a message, and found by any name', async () => {
    const { images, events } = await imageRoom()
    const image = await images.importRootfs(inChunks(await archive([{ name: 'bin/sh', content: 'x'.repeat(100) }])), {
      reference: 'localhost:5000/tools',
      message: 'from a test',
      changes: ['ENV A=1', 'CMD sh'],
    })
    expect(image).toMatchObject({
      repoTags: ['localhost:5000/tools:latest'],
      comment: 'from a test',
      os: 'linux',
      size: 100,
      config: { env: ['A=1'], cmd: ['/bin/sh', '-c', 'sh'] },
      history: [{ comment: 'from a test', emptyLayer: false }],
    })
    const bare = image.id.slice('sha256:'.length)
    for (const name of ['localhost:5000/tools', 'localhost:5000/tools:latest', image.id, bare, bare.slice(0, 8)]) {
      expect((await images.resolve(name)).id).toBe(image.id)
    }
    expect(events).toEqual(['import', 'tag'])
  })

  it('that are not there are named as Docker names them', async () => {
    const { images } = await imageRoom()
    await expect(images.resolve('nothing')).rejects.toThrow(new NotFound('No such image: nothing:latest'))
    await expect(images.resolve('me/nothing:1')).rejects.toThrow(new NotFound('No such image: me/nothing:1'))
    const id = `sha256:${'0'.repeat(64)}`
    await expect(images.resolve(id)).rejects.toThrow(new NotFound(`No such image: ${id}`))
    await expect(images.resolve('Nothing')).rejects.toThrow(InvalidParameter)
  })

  it('survive a restart with their names', async () => {
    const first = await imageRoom()
    const image = await first.make('kept:1')
    await first.images.tag('kept:1', 'again')
    const second = await imageRoom(first.folder)
    expect(await second.images.resolve('again')).toEqual({
      ...image,
      repoTags: ['again:latest', 'kept:1'],
      lastTagged: expect.any(String),
    })
  })

  it('lose a name first, and are deleted with the last one', async () => {
    const { images, events, make, folder } = await imageRoom()
    const { id, chain } = await make('a:1')
    await images.tag('a:1', 'b')
    await images.tag(id, 'c:x')
    await expect(images.remove(id, { force: false, prune: true })).rejects.toThrow(
      new Conflict(
        `conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`,
      ),
    )
    expect(await images.remove('b', { force: false, prune: true })).toEqual([{ untagged: 'b:latest' }])
    expect(await images.remove('c:x', { force: false, prune: true })).toEqual([{ untagged: 'c:x' }])
    expect(await images.remove(id.slice(7, 15), { force: false, prune: true })).toEqual([
      { untagged: 'a:1' },
      { deleted: id },
      { deleted: chain[0] },
    ])
    expect(events).toEqual(['import', 'tag', 'tag', 'tag', 'untag', 'untag', 'untag', 'delete'])
    expect(await layerNames(folder)).toEqual(['0'])
    expect(await readdir(join(folder, 'images/blobs/sha256'))).toEqual([])
  })

  it('may be called like the beginning of an id', async () => {
    const { images, make } = await imageRoom()
    const { id } = await make('x')
    const name = id.slice(7, 9)
    await images.tag('x', name)
    expect(await images.remove(name, { force: false, prune: true })).toEqual([{ untagged: `${name}:latest` }])
  })

  it('in use are kept: running ones in any case, stopped ones unless forced', async () => {
    const { images, uses, make } = await imageRoom()
    const { id } = await make('a')
    const short = id.slice(7, 19)
    uses.set(id, [{ containerId: 'c'.repeat(64), running: false }])
    await expect(images.remove('a', { force: false, prune: true })).rejects.toThrow(
      `conflict: unable to remove repository reference "a" (must force) - container cccccccccccc is using its referenced image ${short}`,
    )
    await expect(images.remove(id, { force: false, prune: true })).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
    )
    uses.set(id, [{ containerId: 'd'.repeat(64), running: true }])
    await expect(images.remove(id, { force: true, prune: true })).rejects.toThrow(
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container dddddddddddd`,
    )
    uses.set(id, [{ containerId: 'c'.repeat(64), running: false }])
    expect(await images.remove(id, { force: true, prune: true })).toContainEqual({ deleted: id })
  })

  it('keep what their children need, and take it along when it is needed no more', async () => {
    const { images, make, snapshots, folder } = await imageRoom()
    const parent = await make('parent')
    const root = await snapshots.prepare('c', parent.chain)
    if (root.kind !== 'overlay') throw new Error('expected an overlay')
    await writeFile(join(root.upper, 'written'), '')
    const child = await images.commit({
      layer: { upper: root.upper },
      parent: parent.id,
      config: parent.config,
      createdBy: 'sh',
      author: 'me',
      reference: 'child',
    })
    await snapshots.remove('c')
    expect(child).toMatchObject({ parent: parent.id, author: 'me', chain: [parent.chain[0], expect.any(String)] })
    await expect(images.remove(parent.id, { force: true, prune: true })).rejects.toThrow(
      'image has dependent child images',
    )
    expect(await images.remove('parent', { force: false, prune: true })).toEqual([{ untagged: 'parent:latest' }])
    expect(await images.remove('child', { force: false, prune: true })).toEqual([
      { untagged: 'child:latest' },
      { deleted: child.id },
      { deleted: child.chain[1] },
      { deleted: parent.id },
      { deleted: parent.chain[0] },
    ])
    expect(await layerNames(folder)).toEqual(['0'])
  })

  it('are filtered as Docker filters', async () => {
    const { images, make } = await imageRoom()
    const first = await make('team/one:1')
    await new Promise(resolve => setTimeout(resolve, 5))
    await make('two')
    await new Promise(resolve => setTimeout(resolve, 5))
    await make(undefined, [{ name: 'unnamed', content: 'x' }])
    const names = async (filters: Parameters<typeof images.list>[0]) =>
      (await images.list(filters)).map(({ repoTags }) => repoTags[0])
    expect(await names({})).toEqual([undefined, 'two:latest', 'team/one:1'])
    expect(await names({ dangling: true })).toEqual([undefined])
    expect(await names({ dangling: false })).toEqual(['two:latest', 'team/one:1'])
    expect(await names({ before: ['two'] })).toEqual(['team/one:1'])
    expect(await names({ since: [first.id] })).toEqual([undefined, 'two:latest'])
    expect(await names({ label: ['kind=test'], reference: ['tw*'] })).toEqual(['two:latest'])
    expect(await names({ label: ['kind=other'] })).toEqual([])
    expect(await names({ reference: ['*'] })).toEqual(['two:latest'])
    expect(await names({ reference: ['*/*:1', 'nothing'] })).toEqual(['team/one:1'])
    await expect(names({ before: ['missing'] })).rejects.toThrow('No such image: missing:latest')
    const { removed, reclaimed } = await images.prune({})
    expect([removed.length, reclaimed]).toEqual([2, 1])
    await images.prune({ dangling: false })
    expect(await names({})).toEqual([])
  })

  it('are saved and loaded with the same ids, in both layouts, compressed or not', async () => {
    const { images, make, folder } = await imageRoom()
    const one = await make('one')
    await images.tag('one', 'one:second')
    const two = await make('two')
    const saved = await bytesOf(await images.save(['one', 'two', one.id]))
    await writeFile(join(folder, 'save.tar'), saved)
    const list = (await run('tar', ['-tf', join(folder, 'save.tar')])).stdout
    for (const name of ['oci-layout', 'index.json', 'manifest.json', `blobs/sha256/${one.id.slice(7)}`])
      expect(list).toContain(name)
    const [top, topOfTwo] = [one, two].map(image => image.diffIds.at(-1)?.replace('sha256:', ''))
    const repositories = (await run('tar', ['-xOf', join(folder, 'save.tar'), 'repositories'])).stdout
    expect(JSON.parse(repositories)).toEqual({ one: { latest: top, second: top }, two: { latest: topOfTwo } })
    await run('gzip', ['-k', join(folder, 'save.tar')])
    await run('zstd', ['-q', join(folder, 'save.tar')])
    // Without manifest.json it is an OCI layout and nothing else.
    await run(
      'sh',
      ['-c', 'mkdir oci && tar -xf save.tar -C oci && rm oci/manifest.json && tar -cf oci.tar -C oci .'],
      { cwd: folder },
    )
    const { createReadStream } = await import('node:fs')
    for (const file of ['save.tar', 'save.tar.gz', 'save.tar.zst', 'oci.tar']) {
      const other = await imageRoom()
      const steps: Progress[] = []
      await other.images.load(createReadStream(join(folder, file)), step => steps.push(step))
      expect((await other.images.resolve('one:second')).id).toBe(one.id)
      expect((await other.images.resolve('two')).id).toBe(two.id)
      expect(steps).toContainEqual({ stream: 'Loaded image: two:latest\n' })
      expect(await readdir(join(other.folder, 'layers/staging'))).toEqual([])
      // Once more: all is there already.
      await other.images.load(createReadStream(join(folder, file)), () => {})
      expect((await layerNames(other.folder)).length).toBe(3)
    }
  })

  it('tell their history and what is in their layers', async () => {
    const { images, make, snapshots } = await imageRoom()
    const base = await make('base', [
      { name: 'a', content: '12345' },
      { name: 'b', content: '1' },
    ])
    const root = await snapshots.prepare('c', base.chain)
    if (root.kind !== 'overlay') throw new Error('expected an overlay')
    await writeFile(join(root.upper, 'a'), 'new')
    await writeFile(join(root.upper, 'c'), 'new')
    await run('mknod', [join(root.upper, 'b'), 'c', '0', '0'])
    const child = await images.commit({
      layer: { upper: root.upper },
      parent: base.id,
      config: base.config,
      createdBy: 'sh -c edit',
      message: 'edited',
      reference: 'child',
    })
    expect(await images.history('child')).toMatchObject([
      { id: child.id, tags: ['child:latest'], createdBy: 'sh -c edit', comment: 'edited', size: 6 },
      { id: base.id, tags: ['base:latest'], size: 6 },
    ])
    expect((await images.tree('child', { withFiles: true })).steps).toMatchObject([
      { layer: { files: { added: 2, changed: 0, deleted: 0, hidden: 6 }, sharedWith: ['base:latest'] } },
      { layer: { files: { added: 1, changed: 1, deleted: 1, hidden: 0 }, sharedWith: [] }, createdBy: 'sh -c edit' },
    ])
    const { layersSize, images: used } = await images.diskUsage()
    expect(layersSize).toBe(12)
    expect(used.map(({ sharedSize, uniqueSize }) => [sharedSize, uniqueSize])).toEqual([
      [6, 0],
      [6, 6],
    ])
  })

  it('that are built in are made when somebody asks, once', async () => {
    const { images } = await imageRoom()
    const [one, two] = await Promise.all([images.resolve('hello'), images.resolve('hello:latest')])
    expect(one.id).toBe(two.id)
    const host = await images.resolve('host')
    expect(host.size).toBeLessThan(60_000_000)
    expect((await images.list()).flatMap(({ repoTags }) => repoTags).sort()).toEqual(['hello:latest', 'host:latest'])
  })
})

describe('archives that load must refuse', () => {
  const layer = async () => archive([{ name: 'a', content: 'x' }])
  const configOf = (diffIds: string[]) =>
    Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }))
  const saved = async (config: Buffer, layers: string[], extra: TarEntry[] = [], RepoTags = ['x:1']) =>
    archive([
      ...extra,
      { name: 'config.json', content: config },
      { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', RepoTags, Layers: layers }]) },
    ])

  it.each<[string, () => Promise<Buffer>, RegExp]>([
    ['no manifest', async () => archive([{ name: 'x', content: 'not a layer' }]), /manifest.json: no such file/],
    [
      'no configuration',
      async () => archive([{ name: 'manifest.json', content: '[{"Config":"c.json","Layers":[]}]' }]),
      /open c.json/,
    ],
    ['broken JSON', async () => archive([{ name: 'manifest.json', content: '{' }]), /invalid JSON/],
    ['no rootfs', async () => saved(Buffer.from('{}'), []), /no RootFS key/],
    [
      'too few layers',
      async () => saved(configOf([digestOf(await layer())]), []),
      /layers length mismatch: expected 1, got 0/,
    ],
    ['a layer that is missing', async () => saved(configOf([digestOf(await layer())]), ['l.tar']), /open l.tar/],
    [
      'another layer than announced',
      async () => saved(configOf([`sha256:${'0'.repeat(64)}`]), ['l.tar'], [{ name: 'l.tar', content: await layer() }]),
      /invalid diffID for layer 0: expected "sha256:0000/,
    ],
    [
      'a blob that is not what its name says',
      async () => {
        const name = `blobs/sha256/${'0'.repeat(64)}`
        return saved(configOf([digestOf(await layer())]), [name], [{ name, content: await layer() }])
      },
      /verification failed/,
    ],
    [
      'a hostile layer',
      async () => {
        const bytes = await archive([{ name: '../../x', content: 'x' }])
        return saved(configOf([digestOf(bytes)]), ['l.tar'], [{ name: 'l.tar', content: bytes }])
      },
      /outside of its root/,
    ],
    [
      'a bad name',
      async () =>
        saved(configOf([digestOf(await layer())]), ['l.tar'], [{ name: 'l.tar', content: await layer() }], ['X:1']),
      /invalid reference format/,
    ],
    [
      'another system',
      async () => saved(Buffer.from('{"os":"windows","rootfs":{"type":"layers","diff_ids":[]}}'), []),
      /cannot load windows image on linux/,
    ],
    ['nothing', async () => Buffer.alloc(0), /unexpected EOF/],
    [
      'an end in the middle',
      async () =>
        (
          await saved(configOf([digestOf(await layer())]), ['l.tar'], [{ name: 'l.tar', content: await layer() }])
        ).subarray(0, 1000),
      /unexpected EOF/,
    ],
  ])('%s', async (_, make, message) => {
    const { images, folder } = await imageRoom()
    await expect(images.load(inChunks(await make()), () => {})).rejects.toThrow(message)
    expect(await layerNames(folder)).toEqual(['0'])
    expect(await readdir(join(folder, 'layers/staging'))).toEqual([])
    expect(await images.list({}, { all: true })).toEqual([])
  })
})
