/** The folders that a root is made of. */

import { join } from 'node:path'
import type { RootMount } from '../../snapshots/types.ts'
import { overlayOptions } from '../compile/root.ts'

export type RootFacts =
  | { kind: 'plain'; path: string }
  /** Layers from the topmost to the lowest. */
  | { kind: 'overlay'; upper: string; work: string; layers: string[]; optionBytes: number }

export function describeRoot(root: RootMount): RootFacts {
  if (root.kind === 'plain') return { kind: 'plain', path: root.path }
  const { upper, work, layersDir, lower } = root
  const optionBytes = Buffer.byteLength(overlayOptions(root))
  return { kind: 'overlay', upper, work, layers: lower.map(name => join(layersDir, name)), optionBytes }
}
