/** The layers that are here, what stands on what, and who uses them. Where they lie: layer-disk.ts. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { InvalidParameter, NotFound } from '../kernel/errors.ts'
import { chainIdOf } from './chains.ts'
import type { ListedFile } from './file-list.ts'
import { foldersIn, type Layer, LayerDisk, LOWEST_LAYER } from './layer-disk.ts'
import { type ChainId, type DiffId, MAX_LAYERS, type Sendable, type StorageDriver } from './types.ts'
import type { ExpectedArchive, LayerFolders, UnpackedLayer } from './worker/layer-jobs.ts'
import type { WorkerPool } from './worker/pool.ts'
import type { RepeatableLayer } from './worker/repeat-jobs.ts'

/** A layer that is unpacked but stands on nothing yet. Keep it with place(), or give it to discard(). */
export interface StagedLayer extends UnpackedLayer {
  readonly folder: string
}

export class LayerStore {
  readonly #disk: LayerDisk
  readonly #workers: WorkerPool
  readonly #layers = new Map<string, Layer>()
  readonly #byChain = new Map<ChainId, Layer>()
  /** Layers that are written right now, by chain: the second who wants one waits for the first. */
  readonly #placing = new Map<ChainId, Promise<ChainId>>()
  readonly #users: (() => Iterable<ChainId>)[] = []
  #keepers = 0
  #sweepWaits = false
  #maySweep = false
  /** How merged views of layers are made here. */
  driver: StorageDriver = 'overlay2'

  private constructor(disk: LayerDisk, workers: WorkerPool) {
    this.#disk = disk
    this.#workers = workers
  }

  static async open(dataRoot: string, workers: WorkerPool): Promise<LayerStore> {
    const { disk, layers } = await LayerDisk.open(join(dataRoot, 'layers'))
    const store = new LayerStore(disk, workers)
    for (const layer of layers) {
      store.#layers.set(layer.name, layer)
      for (const chain of Object.keys(layer.chains) as ChainId[]) store.#byChain.set(chain, layer)
    }
    return store
  }

  /** Where the layers' files lie: RootMount's layersDir. */
  get treeFolder(): string {
    return this.#disk.treeFolder
  }

  /** For what is only there for a moment: emptied when the daemon starts. */
  get stagingFolder(): string {
    return this.#disk.stagingFolder
  }

  find(chain: ChainId): Layer | undefined {
    return this.#byChain.get(chain)
  }

  /** @throws NotFound */
  get(chain: ChainId): Layer {
    const layer = this.#byChain.get(chain)
    if (layer === undefined) throw new NotFound(`layer does not exist: ${chain}`)
    return layer
  }

  /** A layer with this content that may stand on any others. */
  findPure(diffId: DiffId): Layer | undefined {
    for (const layer of this.#layers.values()) if (layer.isPure && layer.diffId === diffId) return layer
    return undefined
  }

  all(): Iterable<Layer> {
    return this.#layers.values()
  }

  treeOf(layer: Layer): string {
    return join(this.treeFolder, layer.name)
  }

  /** Unpacks and verifies an archive of any compression. @throws InvalidParameter, and nothing stays */
  async stage(
    archive: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    expected: ExpectedArchive = {},
  ): Promise<StagedLayer> {
    return this.stageBy((folders: LayerFolders) => this.#workers.run('unpackLayer', { folders, expected }, archive))
  }

  /** Runs a job that makes a layer in the folders it is given. */
  async stageBy(job: (folders: LayerFolders) => Promise<UnpackedLayer>): Promise<StagedLayer> {
    const folder = await this.#disk.newStaging()
    try {
      return { ...(await job(foldersIn(folder))), folder }
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async discard(staged: StagedLayer): Promise<void> {
    await rm(staged.folder, { recursive: true, force: true })
  }

  /** Keeps a staged layer, on top of a chain. If the same is there already, the staged one is dropped. */
  async place(staged: StagedLayer, parent: ChainId | undefined): Promise<ChainId> {
    const chain = chainIdOf(parent, staged.diffId)
    const earlier = this.#placing.get(chain)
    if (earlier !== undefined || this.#byChain.has(chain)) {
      await earlier
      await this.discard(staged)
      return chain
    }
    const placing = this.#place(staged, parent, chain).finally(() => this.#placing.delete(chain))
    this.#placing.set(chain, placing)
    return placing
  }

  /** Makes a layer of a container's upper folder. */
  stageUpper(upper: string): Promise<StagedLayer> {
    return this.stageBy(folders => this.#workers.run('commitUpper', { upper, folders }))
  }

  /** Makes a layer of files of this machine, and others. */
  stageList(files: ListedFile[]): Promise<StagedLayer> {
    return this.stageBy(folders => this.#workers.run('buildLayer', { files, folders }))
  }

  /** Puts a layer that is here already on top of another chain; undefined if it is not here. */
  async reuse(diffId: DiffId, parent: ChainId | undefined): Promise<ChainId | undefined> {
    const chain = chainIdOf(parent, diffId)
    if (this.#byChain.has(chain)) return chain
    const pure = this.findPure(diffId)
    if (pure !== undefined) {
      await this.#addChain(pure, chain, parent)
      return chain
    }
    // It took something from what it stands on: on other layers it looks different.
    const other = [...this.#layers.values()].find(layer => layer.diffId === diffId)
    if (other === undefined) return undefined
    const [original] = Object.keys(other.chains) as ChainId[]
    return this.place(await this.stage(this.archive(original!), { diffId }), parent)
  }

  /** Layers from the top of a chain downwards. @throws NotFound */
  stack(top: ChainId | undefined): Layer[] {
    const layers: Layer[] = []
    for (let chain = top; chain !== undefined; ) {
      const layer = this.get(chain)
      layers.push(layer)
      chain = layer.chains[chain] || undefined
    }
    return layers
  }

  /** What mount(2) gets: names, topmost first, each once. */
  lowerNames(layers: Layer[]): string[] {
    // The same layer again, deeper down, adds nothing: all that is in it is there already. Overlay would refuse it (ELOOP).
    return [...new Set([...layers.map(layer => layer.name), LOWEST_LAYER])]
  }

  /** The archive of a layer, byte for byte as it was when it came, uncompressed. */
  archive(chain: ChainId): Readable {
    return this.compose([{ chain }])
  }

  /** Archives of layers, and bytes between them. @throws NotFound */
  compose(parts: readonly ({ bytes: Uint8Array } | { chain: ChainId })[]): Sendable {
    const located = parts.map(part => ('bytes' in part ? part : { layer: this.#repeatable(part.chain) }))
    return this.#workers.stream('repeatParts', () => ({ parts: located }))
  }

  #repeatable(chain: ChainId): RepeatableLayer {
    const layer = this.get(chain)
    return { folders: this.#disk.foldersOf(layer), displaced: layer.displaced, diffId: layer.diffId }
  }

  /** Bytes of the files in these layers. */
  sizeOf(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + (this.#layers.get(name)?.size ?? 0), 0)
  }

  /** Says which chains are in use; all users together decide what a sweep leaves. */
  addUser(chainsInUse: () => Iterable<ChainId>): void {
    this.#users.push(chainsInUse)
  }

  /** To be called when all users are known: before, everything would seem unused. */
  allowSweeps(): void {
    this.#maySweep = true
  }

  /** Does work that makes or takes up layers, which nobody uses before it ends: until then nothing is swept. */
  async keeping<T>(work: () => Promise<T>): Promise<T> {
    this.#keepers++
    try {
      return await work()
    } finally {
      this.#keepers--
      if (this.#keepers === 0 && this.#sweepWaits) await this.sweep()
    }
  }

  /** Deletes all chains that nobody uses, and layers that are in no chain any more. */
  async sweep(): Promise<void> {
    this.#sweepWaits = this.#keepers > 0
    if (this.#sweepWaits || !this.#maySweep) return
    const used = new Set<ChainId>()
    for (const chainsInUse of this.#users) for (const chain of chainsInUse()) used.add(chain)
    const doomed: Layer[] = []
    const changed: Layer[] = []
    // All at once, before the first wait: what is not in use is not found any more either.
    for (const layer of this.#layers.values()) {
      const unused = (Object.keys(layer.chains) as ChainId[]).filter(chain => !used.has(chain))
      for (const chain of unused) {
        delete layer.chains[chain]
        this.#byChain.delete(chain)
      }
      if (Object.keys(layer.chains).length === 0) doomed.push(layer)
      else if (unused.length > 0) changed.push(layer)
    }
    for (const layer of doomed) this.#layers.delete(layer.name)
    for (const layer of changed) await this.#disk.writeRecord(layer)
    for (const layer of doomed) await this.#disk.remove(layer)
  }

  async #place(staged: StagedLayer, parent: ChainId | undefined, chain: ChainId): Promise<ChainId> {
    const below = this.stack(parent)
    if (below.length >= MAX_LAYERS) {
      await this.discard(staged)
      throw new InvalidParameter('max depth exceeded')
    }
    const { contents } = staged
    const isPure = contents.implicitFolders.length === 0 && contents.foreignLinks.length === 0
    const same = isPure ? this.findPure(staged.diffId) : undefined
    if (same !== undefined) {
      await this.discard(staged)
      await this.#addChain(same, chain, parent)
      return chain
    }
    if (!isPure) await this.#seal(staged, below)
    const layer: Layer = {
      name: this.#disk.newName(),
      diffId: staged.diffId,
      size: contents.size,
      archiveSize: staged.archiveSize,
      hasRoot: contents.hasRoot,
      isPure,
      displaced: contents.displaced,
      chains: { [chain]: parent ?? '' },
    }
    await this.#disk.adopt(staged.folder, layer)
    await this.#disk.writeRecord(layer)
    this.#layers.set(layer.name, layer)
    this.#byChain.set(chain, layer)
    return chain
  }

  /** Takes from the layers below what the archive relied on. */
  async #seal(staged: StagedLayer, below: Layer[]): Promise<void> {
    try {
      await this.#workers.run('sealLayer', {
        tree: foldersIn(staged.folder).tree,
        layersDir: this.treeFolder,
        lower: this.lowerNames(below),
        contents: staged.contents,
        scratch: this.driver === 'vfs' ? this.stagingFolder : null,
      })
    } catch (error) {
      await this.discard(staged)
      throw error
    }
  }

  async #addChain(layer: Layer, chain: ChainId, parent: ChainId | undefined): Promise<void> {
    layer.chains[chain] = parent ?? ''
    this.#byChain.set(chain, layer)
    await this.#disk.writeRecord(layer)
  }
}
