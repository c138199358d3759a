/** A tree of files to read from: a folder of the host, or what a stack of layers shows. */

import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withView } from '../worker/plain-jobs.ts'
import { withFolder } from '../worker/tree-jobs.ts'

export type Tree =
  | { kind: 'folder'; path: string }
  /** `scratch`: where a view is made by hand, on hosts without overlay. */
  | { kind: 'layers'; layersDir: string; lower: string[]; scratch: string | null }

/** The root folder's descriptor, for as long as `use` takes. */
export async function withTree<T>(tree: Tree, use: (root: number) => T | Promise<T>): Promise<T> {
  if (tree.kind === 'folder') return withFolder(tree.path, use)
  const { layersDir, lower, scratch } = tree
  return lower.length === 0 ? withNothing(use) : withView(layersDir, lower, scratch, use)
}

/** `FROM scratch`, before anything is in it. */
async function withNothing<T>(use: (root: number) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'skiff-empty-'))
  try {
    return await withFolder(folder, use)
  } finally {
    rmdirSync(folder)
  }
}
