/** Merged views of layers for the daemon itself: descriptors of roots that no mount table shows. */

import { constants } from 'node:fs'
import { openDetachedOverlay } from '../kernel/detached-mount.ts'
import { AT_FDCWD, O_PATH, openat2 } from '../kernel/files.ts'
import type { RootMount } from './types.ts'

/** A root as it is mounted for its container. Two at once on one upper folder are undefined behaviour: see Snapshots.openMerged. */
export function openRoot(root: RootMount, writable: boolean): number {
  if (root.kind === 'plain') return openat2(AT_FDCWD, root.path, O_PATH | constants.O_DIRECTORY, 0)
  const { layersDir, lower, upper, work } = root
  if (writable) return openDetachedOverlay({ folder: layersDir, lower, upper, work })
  // Read-only: the upper folder is one more layer, and nothing needs to be prepared for writing.
  return openDetachedOverlay({ folder: layersDir, lower: [upper, ...lower] })
}

/** Layers alone, topmost first. */
export function openLayers(layersDir: string, lower: string[]): number {
  const [only, ...others] = lower
  // Overlay wants two: one alone is what it is.
  if (only !== undefined && others.length === 0) {
    return openat2(AT_FDCWD, `${layersDir}/${only}`, O_PATH | constants.O_DIRECTORY, 0)
  }
  return openDetachedOverlay({ folder: layersDir, lower })
}
