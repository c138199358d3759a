/** Two jobs in two threads, the output of one being the input of the other. */

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LayerFolders } from '../../../src/snapshots/worker/layer-jobs.ts'
import { WorkerPool } from '../../../src/snapshots/worker/pool.ts'
import { disposeLater } from '../../support/disposal.ts'
import { temporaryFolder } from '../../support/layer-room.ts'

/** More than is under way at once, so that memory goes round, and files on both sides of every border. */
const SIZES = [0, 1, 511, 512, 65_535, 65_536, 262_143, 262_144, 262_145, 9_000_000, 12_345_678]

const content = (size: number): Buffer => createHash('shake256', { outputLength: size }).update(`${size}`).digest()

async function madeUpper(): Promise<{ upper: string; target(name: string): LayerFolders }> {
  const folder = await temporaryFolder()
  const upper = join(folder, 'upper')
  mkdirSync(join(upper, 'sub'), { recursive: true })
  for (const size of SIZES) writeFileSync(join(upper, 'sub', `${size}`), size === 0 ? '' : content(size))
  const target = (name: string): LayerFolders => {
    const staging = join(folder, name)
    mkdirSync(staging)
    return { tree: join(staging, 'tree'), displaced: join(staging, 'displaced'), tape: join(staging, 'tape.gz') }
  }
  return { upper, target }
}

function pool(limit?: number): WorkerPool {
  const made = new WorkerPool(limit)
  disposeLater(() => made.close())
  return made
}

describe('joined jobs', () => {
  it('make the same layer as one job alone', async () => {
    const workers = pool()
    const { upper, target } = await madeUpper()
    const alone = await workers.run('commitUpper', { upper, folders: target('alone') })
    const folders = target('joined')
    const joined = await workers.runJoined(['giveUpper', { upper }], ['takeLayer', { folders }])
    const [given, contents] = joined ?? []
    expect(given).toEqual({ diffId: alone.diffId, archiveSize: alone.archiveSize, size: alone.contents.size })
    expect(contents).toEqual(alone.contents)
    for (const size of SIZES.slice(1))
      expect(readFileSync(join(folders.tree, 'sub', `${size}`)).equals(content(size))).toBe(true)
  })

  it('end both when one fails, with what was wrong, and leave the threads to others', async () => {
    const workers = pool(2)
    const { upper, target } = await madeUpper()
    const missing = { ...target('missing'), tree: join(upper, 'no', 'such') }
    for (let turn = 0; turn < 3; turn++) {
      await expect(workers.runJoined(['giveUpper', { upper }], ['takeLayer', { folders: missing }])).rejects.toThrow(
        /ENOENT.*no\/such/,
      )
      await expect(
        workers.runJoined(
          ['giveUpper', { upper: join(upper, 'gone') }],
          ['takeLayer', { folders: target(`t${turn}`) }],
        ),
      ).rejects.toThrow(/gone/)
    }
    expect(await workers.runJoined(['giveUpper', { upper }], ['takeLayer', { folders: target('last') }])).toHaveLength(
      2,
    )
  })

  it('are not begun where only one thread can be had: two who hold one each would wait for ever', async () => {
    const workers = pool(1)
    const { upper, target } = await madeUpper()
    expect(await workers.runJoined(['giveUpper', { upper }], ['takeLayer', { folders: target('x') }])).toBeUndefined()
    expect((await workers.run('commitUpper', { upper, folders: target('y') })).contents.size).toBeGreaterThan(20e6)
  })
})
