/**
 * The layers on disk, each once, however many images have it:
 *
 *     layers/tree/NAME          its files, as overlay mounts them. Names are short and count up in base 36, so that
 *                               125 of them fit into the one page of options that mount(2) takes
 *     layers/tapes/NAME.gz      what is needed besides the files to repeat its archive (tape.ts)
 *     layers/displaced/NAME/    files that its archive has twice; mostly missing
 *     layers/records/NAME.json  its digest and size, and the chains that it is part of
 *     layers/staging/           what is being unpacked; emptied at start
 *
 * `0` lies below all others (lowest-layer.ts): overlay wants two layers at least.
 */

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, writeAtomically } from '../kernel/atomic-file.ts'
import { AT_FDCWD, close, openToRead } from '../kernel/files.ts'
import { spreadSubfolders } from '../kernel/inode-flags.ts'
import { furnishLowestLayer } from './lowest-layer.ts'
import type { ChainId, DiffId } from './types.ts'
import type { LayerContents } from './unpack/layer.ts'
import type { LayerFolders } from './worker/layer-jobs.ts'

export interface Layer {
  name: string
  diffId: DiffId
  /** Bytes of its files, and of its uncompressed archive. */
  size: number
  archiveSize: number
  /** Whether its root folder's owner and mode are its own, or just those that every new folder has. */
  hasRoot: boolean
  /** Nothing in it was taken from layers below: it may stand on any others. */
  isPure: boolean
  displaced: LayerContents['displaced']
  /** Where it stands: the chain below ('' for none), by the chain that it completes. */
  chains: Record<ChainId, ChainId | ''>
}

/** Lies below everybody's layers: lowest-layer.ts. */
export const LOWEST_LAYER = '0'

export class LayerDisk {
  readonly #folder: string
  #nextName = 1

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes what is missing, and deletes what an interrupted daemon has left half-made. */
  static async open(folder: string): Promise<{ disk: LayerDisk; layers: Layer[] }> {
    const disk = new LayerDisk(folder)
    for (const name of ['tree', 'tapes', 'displaced', 'records'])
      await mkdir(disk.#path(name), { recursive: true, mode: 0o700 })
    await furnishLowestLayer(join(disk.treeFolder, LOWEST_LAYER))
    await rm(disk.stagingFolder, { recursive: true, force: true })
    await mkdir(disk.stagingFolder, { mode: 0o700 })
    disk.#spreadStaging()
    await removeTemporaries(disk.#path('records'))
    const layers = await disk.#readRecords()
    await disk.#removeRemains(new Set(layers.map(({ name }) => name)))
    return { disk, layers }
  }

  get treeFolder(): string {
    return this.#path('tree')
  }

  get stagingFolder(): string {
    return this.#path('staging')
  }

  newName(): string {
    return (this.#nextName++).toString(36)
  }

  /** A new folder for a layer that is being made. */
  async newStaging(): Promise<string> {
    const folder = join(this.stagingFolder, randomBytes(6).toString('hex'))
    await mkdir(folder, { mode: 0o700 })
    return folder
  }

  /** The record is written last: what has none was interrupted, and is deleted at start. */
  async adopt(staging: string, layer: Layer): Promise<void> {
    const from = foldersIn(staging)
    const to = this.foldersOf(layer)
    await rename(from.tape, to.tape)
    if (Object.keys(layer.displaced).length > 0) await rename(from.displaced, to.displaced)
    await rename(from.tree, to.tree)
    await rm(staging, { recursive: true, force: true })
  }

  async remove(layer: Layer): Promise<void> {
    // First the record: half a layer must not look like one.
    await rm(this.#recordOf(layer), { force: true })
    const { tree, tape, displaced } = this.foldersOf(layer)
    await rm(tape, { force: true })
    await rm(displaced, { recursive: true, force: true })
    // Out of the way at once; a large tree takes its time to delete.
    const grave = join(this.stagingFolder, `gone-${layer.name}-${randomBytes(3).toString('hex')}`)
    await rename(tree, grave)
    await rm(grave, { recursive: true, force: true })
  }

  async writeRecord(layer: Layer): Promise<void> {
    await writeAtomically(this.#recordOf(layer), `${JSON.stringify(layer, null, 2)}\n`, { durable: false })
  }

  foldersOf({ name }: Layer): LayerFolders {
    return {
      tree: join(this.treeFolder, name),
      displaced: join(this.#path('displaced'), name),
      tape: join(this.#path('tapes'), `${name}.gz`),
    }
  }

  #spreadStaging(): void {
    const folder = openToRead(AT_FDCWD, this.stagingFolder, constants.O_DIRECTORY)
    try {
      spreadSubfolders(folder)
    } finally {
      close(folder)
    }
  }

  async #readRecords(): Promise<Layer[]> {
    const names = (await readdir(this.#path('records'))).filter(name => name.endsWith('.json'))
    const records = await Promise.all(names.map(name => readFile(join(this.#path('records'), name), 'utf8')))
    return records.map(record => JSON.parse(record) as Layer)
  }

  /** Deletes what a killed daemon has moved into place but not recorded, and numbers on from the highest name. */
  async #removeRemains(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.treeFolder)) {
      if (name === LOWEST_LAYER) continue
      this.#nextName = Math.max(this.#nextName, Number.parseInt(name, 36) + 1)
      if (!known.has(name)) await rm(join(this.treeFolder, name), { recursive: true, force: true })
    }
    for (const file of await readdir(this.#path('tapes'))) {
      const name = file.replace(/\.gz$/, '')
      this.#nextName = Math.max(this.#nextName, Number.parseInt(name, 36) + 1)
      if (!known.has(name)) await rm(join(this.#path('tapes'), file), { force: true })
    }
    for (const name of await readdir(this.#path('displaced'))) {
      if (!known.has(name)) await rm(join(this.#path('displaced'), name), { recursive: true, force: true })
    }
  }

  #recordOf({ name }: Layer): string {
    return join(this.#path('records'), `${name}.json`)
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }
}

export const foldersIn = (folder: string): LayerFolders => ({
  tree: join(folder, 'tree'),
  displaced: join(folder, 'displaced'),
  tape: join(folder, 'tape.gz'),
})
