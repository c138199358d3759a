/**
 * Random trees of files come out of an archive as they went in, and what a container has changed makes the same tree again.
 * A failure names its seed: SKIFF_TEST_SEED=… repeats it.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { close } from '../../src/kernel/files.ts'
import { openLayers } from '../../src/snapshots/merged.ts'
import { packTree } from '../../src/snapshots/pack/tree.ts'
import { readPieces } from '../../src/snapshots/pieces.ts'
import type { ChainId } from '../../src/snapshots/types.ts'
import { fingerprint } from '../support/fingerprint.ts'
import { bytesOf, layerRoom, run, temporaryFolder } from '../support/layer-room.ts'
import { growTree, mutateTree, openFolder, Random } from '../support/random-tree.ts'

const FIRST_SEED = Number(process.env.SKIFF_TEST_SEED ?? 1)
const SEEDS = Array.from({ length: process.env.SKIFF_TEST_SEED ? 1 : 12 }, (_, i) => FIRST_SEED + i)

describe('random trees', () => {
  it.each(SEEDS)('pack → unpack, seed %d', async seed => {
    const folder = await temporaryFolder()
    const original = join(folder, 'original')
    mkdirSync(original)
    growTree(original, new Random(seed))
    const { layers } = await layerRoom(join(folder, 'data'))
    const root = openFolder(original)
    try {
      const staged = await layers.stage(readPieces(packTree(root, { asLayer: false, withRoot: true })))
      expect(fingerprint(join(staged.folder, 'tree'))).toEqual(fingerprint(original))
    } finally {
      close(root)
    }
  })

  it.each(SEEDS)('change in a container → layer → the same tree, seed %d', async seed => {
    const random = new Random(seed + 1000)
    const folder = await temporaryFolder()
    const original = join(folder, 'original')
    mkdirSync(original)
    growTree(original, random)
    const { layers, snapshots } = await layerRoom(join(folder, 'data'))
    const chain: ChainId[] = []
    const root = openFolder(original)
    chain.push(
      await layers.place(await layers.stage(readPieces(packTree(root, { asLayer: false, withRoot: true }))), undefined),
    )
    close(root)
    // Three generations, each on top of the one before.
    for (let generation = 0; generation < 3; generation++) {
      const mount = await snapshots.prepare(`container-${generation}`, chain)
      const merged = snapshots.openMerged(mount, { writable: true })
      mutateTree(`/proc/self/fd/${merged}`, random)
      const expected = fingerprint(merged)
      close(merged)
      chain.push(await layers.place(await layers.stage(snapshots.packDiff(mount)), chain.at(-1)))
      const again = openLayers(layers.treeFolder, layers.lowerNames(layers.stack(chain.at(-1))))
      try {
        // The archive of a diff has no entry for the root folder itself.
        expect(fingerprint(again).slice(1)).toEqual(expected.slice(1))
      } finally {
        close(again)
      }
    }
  })

  it('are read by GNU tar as they are by skiff', async () => {
    const folder = await temporaryFolder()
    const original = join(folder, 'original')
    mkdirSync(original)
    growTree(original, new Random(FIRST_SEED + 5000))
    const root = openFolder(original)
    const packed = await bytesOf(readPieces(packTree(root, { asLayer: false, withRoot: true })))
    close(root)
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(folder, 'a.tar'), packed)
    mkdirSync(join(folder, 'theirs'))
    await run('tar', [
      '-xpf',
      join(folder, 'a.tar'),
      '-C',
      join(folder, 'theirs'),
      '--xattrs',
      '--xattrs-include=*',
      '--numeric-owner',
    ])
    expect(fingerprint(join(folder, 'theirs'))).toEqual(fingerprint(original))
  })
})
