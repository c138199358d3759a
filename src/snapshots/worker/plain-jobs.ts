/** Jobs that work by copies and links: for data-roots that cannot have overlay, where layers are merged by hand (../merge.ts). */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyTree } from '../copy-tree.ts'
import { type MergeBy, mergeLayers } from '../merge.ts'
import { packChanges } from '../pack/tree.ts'
import type { RootMount } from '../types.ts'
import type { Output } from './streams.ts'
import { sendAll, withFolder, withFolders, withLayers, withReadable } from './tree-jobs.ts'

/** Lowest first, as they are merged. */
const pathsOf = (layersDir: string, lower: readonly string[]): string[] =>
  lower.map(name => join(layersDir, name)).reverse()

/** Fills an empty folder with what the layers show: copies, or links to their files, which nobody may write to. */
export const copyLayers = (layersDir: string, lower: string[], target: string, by: MergeBy = 'copy'): Promise<void> =>
  withFolders(pathsOf(layersDir, lower), layers => withFolder(target, folder => mergeLayers(layers, folder, by)))

/** Nothing is left of it where it fails. */
export async function copyFolder(from: string, to: string, marks: boolean): Promise<void> {
  mkdirSync(to, { mode: 0o700 })
  try {
    await withReadable(from, source => withReadable(to, target => copyTree(source, target, { marks })))
  } catch (error) {
    rmSync(to, { recursive: true, force: true })
    throw error
  }
}

/**
 * What the layers show, for as long as `use` takes: by overlay or, where `scratch` is given, as a tree of hard links in a
 * temporary folder there, which costs no copies but may not be written to.
 */
export async function withView<T>(
  layersDir: string,
  lower: string[],
  scratch: string | null,
  use: (merged: number) => T | Promise<T>,
): Promise<T> {
  if (scratch === null) return withLayers(layersDir, lower, use)
  const view = mkdtempSync(join(scratch, 'view-'))
  try {
    return await withFolders(pathsOf(layersDir, lower), layers =>
      withFolder(view, folder => {
        mergeLayers(layers, folder, 'link')
        return use(folder)
      }),
    )
  } finally {
    rmSync(view, { recursive: true, force: true })
  }
}

export const packCopy = (
  { path, layersDir, lower }: RootMount & { kind: 'plain' },
  scratch: string,
  output: Output,
): Promise<void> =>
  withView(layersDir, lower, scratch, below => withFolder(path, tree => sendAll(packChanges(tree, below), output)))
