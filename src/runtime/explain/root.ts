/** The folders that a root is made of. */

import { join } from 'node:path'
import type { RootMount } from '../../snapshots/types.ts'
import { overlayOptions } from '../compile/root.ts'

export type RootFacts =
  | { kind: 'plain'; path: string }
  /** Layers from the topmost to the lowest; on top of these the frozen folders of snapshots and commits. */
  | { kind: 'overlay'; upper: string; work: string; frozen?: string[]; layers: string[]; optionBytes: number }

export function describeRoot(root: RootMount): RootFacts {
  if (root.kind === 'plain') return { kind: 'plain', path: root.path }
  const { upper, work, layersDir, lower, frozen: count = 0 } = root
  const optionBytes = Buffer.byteLength(overlayOptions(root))
  const paths = lower.map(name => join(layersDir, name))
  const frozen = count > 0 && { frozen: paths.slice(0, count) }
  return { kind: 'overlay', upper, work, ...frozen, layers: paths.slice(count), optionBytes }
}
