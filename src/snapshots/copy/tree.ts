/** A tree of files to read from: a folder of the host, or what a stack of layers shows. */

import { withView } from '../worker/plain-jobs.ts'
import { withFolder } from '../worker/tree-jobs.ts'

export type Tree =
  | { kind: 'folder'; path: string }
  /** `scratch`: where a view is made by hand, on hosts without overlay. */
  | { kind: 'layers'; layersDir: string; lower: string[]; scratch: string | null }

/** The root folder's descriptor, for as long as `use` takes. */
export const withTree = <T>(tree: Tree, use: (root: number) => T | Promise<T>): Promise<T> =>
  tree.kind === 'folder' ? withFolder(tree.path, use) : withView(tree.layersDir, tree.lower, tree.scratch, use)
