/**
 * What is written down of each layer, in layers/records/NAME.json. A record is trusted: it is written when the layer's files are
 * on the disk, and what is found without one was never acknowledged.
 */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, writeAllDurably } from '../kernel/atomic-file.ts'
import { isObject, type Salvage } from '../kernel/salvage.ts'
import { isFrozenName } from './frozen.ts'
import type { ChainId, DiffId } from './types.ts'
import type { LayerContents } from './unpack/layer.ts'

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

const isLayer = (value: unknown): value is Layer =>
  isObject(value) &&
  typeof value.name === 'string' &&
  typeof value.diffId === 'string' &&
  Number.isInteger(value.size) &&
  Number.isInteger(value.archiveSize) &&
  isObject(value.displaced) &&
  isObject(value.chains)

/** The folders in which a layer has something of its own; which may be a file, as a tape is. */
const PARTS = ['tree', 'tapes', 'displaced'] as const
const nameOf = (entry: string): string => entry.replace(/\.(gz|json)$/, '')

export class LayerRecords {
  constructor(
    /** layers/ */
    private readonly folder: string,
    private readonly salvage: Salvage,
  ) {}

  /** They survive a power cut when it resolves. */
  write(layers: readonly Layer[]): Promise<void> {
    return writeAllDurably(
      layers.map(layer => ({ path: this.#pathOf(layer.name), data: `${JSON.stringify(layer, null, 2)}\n` })),
    )
  }

  async remove(layer: Layer): Promise<void> {
    await rm(this.#pathOf(layer.name), { force: true })
  }

  /** Reads all; what is damaged goes aside with everything that belongs to it. */
  async load(): Promise<Layer[]> {
    await removeTemporaries(join(this.folder, 'records'))
    const trees = new Set(await readdir(join(this.folder, 'tree')))
    const tapes = new Set((await readdir(join(this.folder, 'tapes'))).map(nameOf))
    const names = (await readdir(join(this.folder, 'records'))).filter(file => file.endsWith('.json')).map(nameOf)
    const loaded = await Promise.all(names.map(name => this.#loadOne(name, trees)))
    const layers = loaded.filter(layer => layer !== null)
    for (const { name } of layers) {
      if (tapes.has(name)) continue
      const path = join(this.folder, 'tapes', `${name}.gz`)
      this.salvage.report(path, 'it is missing', 'images with this layer run, and can be neither saved nor pushed')
    }
    return layers
  }

  /** Names of what has no record. */
  async unrecorded(known: { has(name: string): boolean }): Promise<Set<string>> {
    const found = new Set<string>()
    for (const part of PARTS)
      for (const entry of await readdir(join(this.folder, part)))
        if (entry !== '0' && !(part === 'tree' && isFrozenName(entry)) && !known.has(nameOf(entry)))
          found.add(nameOf(entry))
    return found
  }

  async removeParts(name: string): Promise<void> {
    for (const path of this.#partsOf(name)) await rm(path, { recursive: true, force: true })
  }

  async putPartsAside(name: string, why: string): Promise<void> {
    for (const path of this.#partsOf(name)) await this.salvage.putAside(path, why, CONSEQUENCE)
  }

  async #loadOne(name: string, trees: ReadonlySet<string>): Promise<Layer | null> {
    const isOwn = (value: unknown): value is Layer => isLayer(value) && value.name === name
    const layer = await this.salvage.read(this.#pathOf(name), isOwn, CONSEQUENCE)
    if (layer !== undefined && trees.has(name)) return layer
    if (layer !== undefined) await this.salvage.putAside(this.#pathOf(name), 'its files are missing', CONSEQUENCE)
    await this.putPartsAside(name, 'its record is damaged')
    return null
  }

  #pathOf(name: string): string {
    return join(this.folder, 'records', `${name}.json`)
  }

  /** A frozen folder is not the layer's alone: containers may stand on it. */
  #partsOf = (name: string): string[] => [
    ...(isFrozenName(name) ? [] : [join(this.folder, 'tree', name)]),
    join(this.folder, 'tapes', `${name}.gz`),
    join(this.folder, 'displaced', name),
  ]
}

const CONSEQUENCE =
  'images and containers that stand on this layer cannot be used until the image is loaded or pulled again'
