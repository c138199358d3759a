/**
 * The layers on disk, each once, however many images have it:
 *
 *     layers/tree/NAME          its files, as overlay mounts them. Names are short and count up in base 36, so that
 *                               125 of them fit into the one page of options that mount(2) takes. Of a layer that was
 *                               committed without a copy this is a frozen folder, _NAME (frozen.ts), whose end is decided there
 *     layers/tapes/NAME.gz      what is needed besides the files to repeat its archive (tape.ts)
 *     layers/displaced/NAME/    files that its archive has twice; mostly missing
 *     layers/records/NAME.json  its digest and size, and the chains that it is part of
 *     layers/staging/           what is being unpacked; emptied at start
 *
 * `0` lies below all others (lowest-layer.ts): overlay wants two layers at least.
 */

import { randomBytes } from 'node:crypto'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { spreadSubfolders } from '../kernel/inode-flags.ts'
import { isFrozenName } from './frozen.ts'
import type { Layer } from './layer-records.ts'
import { furnishLowestLayer } from './lowest-layer.ts'
import type { LayerFolders } from './worker/layer-jobs.ts'

/** Lies below everybody's layers: lowest-layer.ts. */
export const LOWEST_LAYER = '0'

export class LayerFiles {
  constructor(
    /** layers/ */
    readonly folder: string,
  ) {}

  /** Makes what is missing, and deletes what an interrupted daemon was unpacking. */
  async prepare(): Promise<void> {
    for (const name of ['tree', 'tapes', 'displaced', 'records'])
      await mkdir(join(this.folder, name), { recursive: true, mode: 0o700 })
    await furnishLowestLayer(join(this.treeFolder, LOWEST_LAYER))
    await rm(this.stagingFolder, { recursive: true, force: true })
    await mkdir(this.stagingFolder, { mode: 0o700 })
    spreadSubfolders(this.stagingFolder)
  }

  get treeFolder(): string {
    return join(this.folder, 'tree')
  }

  get stagingFolder(): string {
    return join(this.folder, 'staging')
  }

  of({ name }: Layer): LayerFolders {
    return {
      tree: join(this.treeFolder, name),
      displaced: join(this.folder, 'displaced', name),
      tape: join(this.folder, 'tapes', `${name}.gz`),
    }
  }

  /** A new folder for a layer that is being made. */
  stage(): string {
    const folder = join(this.stagingFolder, randomBytes(6).toString('hex'))
    mkdirSync(folder, { mode: 0o700 })
    return folder
  }

  /** The record is written last, by LayerStore.settle(): what has none was interrupted, and is deleted at start. */
  adopt(staging: string, layer: Layer): void {
    const from = foldersIn(staging)
    const to = this.of(layer)
    renameSync(from.tape, to.tape)
    if (Object.keys(layer.displaced).length > 0) renameSync(from.displaced, to.displaced)
    if (!isFrozenName(layer.name)) renameSync(from.tree, to.tree)
    rmSync(staging, { recursive: true, force: true })
  }

  async remove(layer: Layer): Promise<void> {
    const { tree, tape, displaced } = this.of(layer)
    await rm(tape, { force: true })
    await rm(displaced, { recursive: true, force: true })
    if (isFrozenName(layer.name)) return
    // Out of the way at once; a large tree takes its time to delete.
    const grave = join(this.stagingFolder, `gone-${layer.name}-${randomBytes(3).toString('hex')}`)
    await rename(tree, grave)
    await rm(grave, { recursive: true, force: true })
  }
}

/** What is in a folder that stage() made. */
export const foldersIn = (folder: string): LayerFolders => ({
  tree: join(folder, 'tree'),
  displaced: join(folder, 'displaced'),
  tape: join(folder, 'tape.gz'),
})
