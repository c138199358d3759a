/** The layer store: shared, counted, whole or not there at all. */

import { spawn } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { close } from '../../../src/kernel/files.ts'
import { chainIdOf } from '../../../src/snapshots/chains.ts'
import type { LayerStore } from '../../../src/snapshots/layers.ts'
import type { ChainId, DiffId } from '../../../src/snapshots/types.ts'
import { archive, bytesOf, inChunks, layerRoom, type TarEntry, temporaryFolder } from '../../support/layer-room.ts'

const add = async (layers: LayerStore, entries: TarEntry[], parent?: ChainId): Promise<ChainId> =>
  layers.place(await layers.stage(inChunks(await archive(entries))), parent)

describe('layers', () => {
  it('are named by OCI’s chain ids', () => {
    const a = `sha256:${'a'.repeat(64)}` as DiffId
    const b = `sha256:${'b'.repeat(64)}` as DiffId
    expect(chainIdOf(undefined, a)).toBe(a)
    // printf '%s %s' "$a" "$b" | sha256sum
    expect(chainIdOf(a as string as ChainId, b)).toBe(
      'sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c',
    )
  })

  it('lie on disk once, whatever they stand on, and go with their last chain', async () => {
    const { layers } = await layerRoom()
    const base = await add(layers, [{ name: 'base', content: '1' }])
    const other = await add(layers, [{ name: 'other', content: '2' }])
    // Every folder on the way has its own entry: nothing is taken from below.
    const same: TarEntry[] = [
      { name: 'etc/', type: 'directory' },
      { name: 'etc/a', content: 'x' },
    ]
    const [one, two] = [await add(layers, same, base), await add(layers, same, other)]
    expect(layers.get(one).name).toBe(layers.get(two).name)
    expect((await readdir(layers.treeFolder)).length).toBe(4)
    const inUse = [base, one]
    layers.addUser(() => inUse)
    await layers.allowSweeps()
    expect(layers.find(two)).toBeUndefined()
    expect(readdirSync(layers.treeOf(layers.get(one)))).toEqual(['etc'])
    inUse.pop()
    await layers.sweep()
    expect((await readdir(layers.treeFolder)).length).toBe(2)
  })

  it('stay while their archive is read, with what they stand on, and go then', async () => {
    const { layers } = await layerRoom()
    const base = await add(layers, [{ name: 'base', content: '1' }])
    const entries = [{ name: 'top', content: '2' }]
    const top = await add(layers, entries, base)
    const other = await add(layers, [{ name: 'other', content: '3' }])
    const [read, unread] = [layers.archive(top), layers.archive(top)]
    await layers.allowSweeps()
    expect([base, top, other].map(chain => layers.find(chain) !== undefined)).toEqual([true, true, false])
    expect((await bytesOf(read)).equals(await archive(entries))).toBe(true)
    // The second one has not been looked at, and never will be.
    await layers.sweep()
    expect(layers.find(top)).toBeDefined()
    unread.destroy()
    await expect.poll(() => readdir(layers.treeFolder), { timeout: 30_000 }).toEqual(['0'])
    expect([base, top].map(chain => layers.find(chain))).toEqual([undefined, undefined])
  })

  it('take owner and mode of folders they only pass through from below', async () => {
    const { layers } = await layerRoom()
    const mtime = new Date('2010-01-01T00:00:00Z')
    const base = await add(layers, [{ name: 'srv/', type: 'directory', mode: 0o2750, uid: 5, gid: 6, mtime }])
    const top = await add(layers, [{ name: 'srv/new/file', content: 'x' }], base)
    const { mode, uid, gid, mtimeMs } = statSync(join(layers.treeOf(layers.get(top)), 'srv'))
    expect([mode & 0o7777, uid, gid, mtimeMs]).toEqual([0o2750, 5, 6, mtime.getTime()])
    // On top of something else it looks different: it is another layer.
    const elsewhere = await layers.reuse(
      layers.get(top).diffId,
      await add(layers, [{ name: 'srv/', type: 'directory', mode: 0o700 }]),
    )
    expect(statSync(join(layers.treeOf(layers.get(elsewhere!)), 'srv')).mode & 0o7777).toBe(0o700)
    expect(layers.get(elsewhere!).name).not.toBe(layers.get(top).name)
  })

  it('bring up a file of a layer below that they link to', async () => {
    const { layers } = await layerRoom()
    const base = await add(layers, [{ name: 'bin/tool', content: 'tool', mode: 0o4755, uid: 9 }])
    const top = await add(layers, [{ name: 'bin/alias', type: 'link', linkname: 'bin/tool' }], base)
    const tree = layers.treeOf(layers.get(top))
    const [tool, alias] = [lstatSync(join(tree, 'bin/tool')), lstatSync(join(tree, 'bin/alias'))]
    expect(tool.ino).toBe(alias.ino)
    expect([tool.mode & 0o7777, tool.uid, readFileSync(join(tree, 'bin/alias'), 'utf8')]).toEqual([0o4755, 9, 'tool'])
    // What does not come from the archive is not in the archive either.
    expect(
      (await bytesOf(layers.archive(top))).equals(
        await archive([{ name: 'bin/alias', type: 'link', linkname: 'bin/tool' }]),
      ),
    ).toBe(true)
  })

  it('are refused if they link to what is nowhere, and nothing stays', async () => {
    const { layers, folder } = await layerRoom()
    const staged = await layers.stage(inChunks(await archive([{ name: 'a', type: 'link', linkname: 'missing' }])))
    await expect(layers.place(staged, undefined)).rejects.toThrow(/hard link to "missing", which is no file/)
    expect(await readdir(join(folder, 'layers/staging'))).toEqual([])
  })

  it('stand 125 deep, not deeper, and all of them can be mounted', async () => {
    const { layers, snapshots } = await layerRoom()
    const chain: ChainId[] = []
    for (let i = 0; i < 125; i++) chain.push(await add(layers, [{ name: `file-${i}`, content: `${i}` }], chain.at(-1)))
    await expect(add(layers, [{ name: 'one more' }], chain.at(-1))).rejects.toThrow('max depth exceeded')
    const root = await snapshots.prepare('deep', chain)
    const merged = snapshots.openMerged(root)
    try {
      expect(readdirSync(`/proc/self/fd/${merged}`).filter(name => name.startsWith('file-'))).toHaveLength(125)
      expect(readFileSync(`/proc/self/fd/${merged}/file-0`, 'utf8')).toBe('0')
      // No mount table shows it.
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(root.kind === 'overlay' ? root.layersDir : '?')
    } finally {
      close(merged)
    }
  })

  it('may be in one chain twice, as empty layers often are', async () => {
    const { layers, snapshots } = await layerRoom()
    const marker: TarEntry[] = [{ name: 'a', content: 'lower' }]
    const chain = [await add(layers, marker)]
    chain.push(await add(layers, [{ name: '.wh.a' }, { name: 'b', content: 'b' }], chain[0]))
    chain.push(await add(layers, marker, chain[1]))
    const merged = snapshots.openMerged(await snapshots.prepare('twice', chain))
    try {
      expect(readdirSync(`/proc/self/fd/${merged}`)).toEqual(['.dockerenv', 'a', 'b', 'dev', 'etc', 'proc', 'sys'])
    } finally {
      close(merged)
    }
  })

  it('are unpacked once by two who want the same at once', async () => {
    const { layers } = await layerRoom()
    const bytes = await archive([{ name: 'a', content: 'x'.repeat(100_000) }])
    const chains = await Promise.all(
      [1, 2, 3].map(async () => layers.place(await layers.stage(inChunks(bytes)), undefined)),
    )
    expect(new Set(chains).size).toBe(1)
    expect((await readdir(layers.treeFolder)).length).toBe(2)
  })

  it('survive a restart; what was not finished does not', async () => {
    const { layers, folder } = await layerRoom()
    const chain = await add(layers, [{ name: 'a', content: 'kept' }])
    const { name } = layers.get(chain)
    await layers.settle()
    // As if the daemon had been killed between moving a layer into place and recording it, and in the middle of a record.
    await writeFile(join(folder, 'layers/tapes/zz.gz'), '')
    await writeFile(join(folder, 'layers/records/.tmp-123'), '{')
    const again = await layerRoom(folder)
    expect(again.layers.get(chain).name).toBe(name)
    again.layers.addUser(() => [chain])
    await again.layers.allowSweeps()
    expect(await readdir(join(folder, 'layers/tapes'))).toEqual([`${name}.gz`])
    expect(await readdir(join(folder, 'layers/records'))).toEqual([`${name}.json`])
    expect((await bytesOf(again.layers.archive(chain))).equals(await archive([{ name: 'a', content: 'kept' }]))).toBe(
      true,
    )
  })

  it('leave nothing behind when the daemon is killed while it unpacks', async () => {
    const folder = await temporaryFolder()
    const script = `
      import { openSnapshots } from ${JSON.stringify(fileURLToPath(new URL('../../../dist/snapshots/service.js', import.meta.url)))}
      const room = await openSnapshots(process.argv[1])
      await room.layers.stage(process.stdin)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    const staging = join(folder, 'layers/staging')
    const whole = await archive(Array.from({ length: 500 }, (_, i) => ({ name: `f${i}`, content: 'x'.repeat(4000) })))
    // Killed, it may not have read all.
    child.stdin.on('error', () => undefined)
    // All but the end: it waits for more.
    child.stdin.write(whole.subarray(0, whole.length - 2048))
    const hasFiles = () => {
      try {
        const [stage] = readdirSync(staging)
        return stage !== undefined && readdirSync(join(staging, stage, 'tree')).length > 100
      } catch {
        return false
      }
    }
    while (!hasFiles()) await new Promise(resolve => setTimeout(resolve, 20))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('close', resolve))
    expect(hasFiles()).toBe(true)
    await layerRoom(folder)
    expect(await readdir(staging)).toEqual([])
    expect(await readdir(join(folder, 'layers/tree'))).toEqual(['0'])
  })
})
