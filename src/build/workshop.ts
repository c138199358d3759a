/** What every step of one build works with. */

import type { Context } from '../containers/context.ts'
import type { Image } from '../images/types.ts'
import type { Tree } from '../snapshots/copy/tree.ts'
import { LOWEST_LAYER } from '../snapshots/layer-files.ts'
import type { SnapshotRoom } from '../snapshots/service.ts'
import type { ChainId } from '../snapshots/types.ts'
import type { BuildCache } from './cache/cache.ts'
import type { Keeper } from './keep.ts'
import type { Later } from './later.ts'
import type { CacheFolders } from './mounts/cache-folders.ts'
import type { Turns } from './turns.ts'
import type { BuildEvent, BuildRequest } from './types.ts'

/** The rooms that builds stand on. */
export interface Rooms {
  context: Context
  snapshots: SnapshotRoom
  cache: BuildCache
  cacheFolders: CacheFolders
}

export interface Workshop extends Rooms {
  request: BuildRequest
  escapeChar: string
  /** Where the client's files lie. */
  contextFolder: string
  /** For what is made on the way; goes with the build. */
  scratchFolder: string
  /** SOURCE_DATE_EPOCH, in seconds; null: not asked for. */
  epoch: number | null
  cacheImages: readonly Image[]
  turns: Turns
  keeper: Keeper
  /** Layers as folders of the host, for bind mounts; made once in a build. */
  views: Map<string, Promise<string>>
  tell(event: BuildEvent): void
  signal: AbortSignal
  /** Clean-up that nobody waits for but the end of the build. */
  later: Later
  /** By step, when it had what it waited for from other stages: its own time begins there. */
  resumed: Map<number, number>
  /** The files of a stage, an image or a named context; and what they depend on. */
  source(name: string, step: number): Promise<{ tree: Tree; key: string }>
}

/** What a chain shows. */
export function treeOf({ snapshots: { layers } }: Pick<Rooms, 'snapshots'>, chain: readonly ChainId[]): Tree {
  return {
    kind: 'layers',
    layersDir: layers.treeFolder,
    // Without the layer below all others, whose files are no image's.
    lower: layers.lowerNames(layers.stack(chain.at(-1))).filter(name => name !== LOWEST_LAYER),
    scratch: layers.driver === 'vfs' ? layers.stagingFolder : null,
  }
}
