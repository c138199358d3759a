/** A root to write to for one step, and the layer that becomes of it. */

import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import type { ContainerId } from '../../containers/types.ts'
import type { SnapshotRoom } from '../../snapshots/service.ts'
import type { ChainId, DiffId, RootMount } from '../../snapshots/types.ts'
import type { Later } from '../later.ts'

/** The archive of nothing: 1024 zeros. A step that wrote nothing has no layer. */
const EMPTY_DIFF = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'

export interface NewLayer {
  diffId: DiffId
  chain: ChainId
  size: number
}

/**
 * Gives `work` a root of its own, named by an id, and makes a layer of what it wrote there; null if that is nothing.
 * `latest`: no file is younger than this; in seconds since the epoch.
 */
export async function writeLayer<T>(
  { snapshots, layers }: SnapshotRoom,
  chain: readonly ChainId[],
  latest: number | null,
  later: Later,
  work: (root: RootMount, id: ContainerId) => Promise<T>,
): Promise<{ layer: NewLayer | null; result: T }> {
  const id = randomBytes(32).toString('hex') as ContainerId
  const root = await snapshots.prepare(id, chain)
  try {
    const result = await work(root, id)
    if (root.kind === 'overlay' && readdirSync(root.upper).length === 0) return { layer: null, result }
    const staged =
      root.kind === 'overlay'
        ? await layers.adoptUpper(root.upper, latest)
        : await layers.stage(snapshots.packDiff(root))
    if (staged.diffId === EMPTY_DIFF) {
      await layers.discard(staged)
      return { layer: null, result }
    }
    const { diffId, contents } = staged
    return { layer: { diffId, chain: await layers.place(staged, chain.at(-1)), size: contents.size }, result }
  } finally {
    later.add(snapshots.remove(id))
  }
}
