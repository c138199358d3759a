/** The folders that a root is made of. */

import { join } from 'node:path'
import type { RootMount } from '../../snapshots/types.ts'
import { overlayOptions } from '../compile/root.ts'

export type RootFacts =
  | { kind: 'plain'; path: string }
  /** Layers from the topmost to the lowest; on top of these the frozen folders of snapshots. */
  | { kind: 'overlay'; upper: string; work: string; snapshots?: string[]; layers: string[]; optionBytes: number }

export function describeRoot(root: RootMount): RootFacts {
  if (root.kind === 'plain') return { kind: 'plain', path: root.path }
  const { upper, work, layersDir, lower, frozen = 0 } = root
  const optionBytes = Buffer.byteLength(overlayOptions(root))
  const paths = lower.map(name => join(layersDir, name))
  const snapshots = frozen > 0 && { snapshots: paths.slice(0, frozen) }
  return { kind: 'overlay', upper, work, ...snapshots, layers: paths.slice(frozen), optionBytes }
}
