/**
 * The layers that are here, what stands on what, and who uses them. Where they lie: layer-files.ts.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { InvalidParameter, NotFound } from '../kernel/errors.ts'
import type { Salvage } from '../kernel/salvage.ts'
import { chainIdOf } from './chains.ts'
import type { ListedFile } from './file-list.ts'
import { type FrozenName, isFrozenName } from './frozen.ts'
import { foldersIn, LayerFiles, LOWEST_LAYER } from './layer-files.ts'
import { type Layer, LayerRecords } from './layer-records.ts'
import { Settling } from './settling.ts'
import { type ChainId, type DiffId, type Digest, MAX_LAYERS, type Sendable, type StorageDriver } from './types.ts'
import type { ExpectedArchive, LayerFolders, UnpackedLayer } from './worker/layer-jobs.ts'
import type { WorkerPool } from './worker/pool.ts'
import type { RepeatableLayer } from './worker/repeat-jobs.ts'

/** A layer that is unpacked but stands on nothing yet. Keep it with place(), or give it to discard(). */
export interface StagedLayer extends UnpackedLayer {
  readonly folder: string
  /** Its files stay where they are: in this frozen folder. */
  readonly frozen?: FrozenName
}

/** A layer that stands on any others as it is. */
const NOTHING_TAKEN = { hasRoot: false, implicitFolders: [], foreignLinks: [], displaced: {} }

export class LayerStore {
  readonly #files: LayerFiles
  readonly #workers: WorkerPool
  readonly #records: LayerRecords
  readonly #layers = new Map<string, Layer>()
  readonly #byChain = new Map<ChainId, Layer>()
  /** Layers that are written right now, by chain: the second who wants one waits for the first. */
  readonly #placing = new Map<ChainId, Promise<ChainId>>()
  readonly #users: (() => Iterable<ChainId>)[] = []
  readonly #settling: Settling
  /** Nobody's, but perhaps of something damaged: kept until a person has looked. */
  #kept: ReadonlySet<ChainId> = new Set()
  /** Chains that are read right now, and by how many. */
  readonly #held = new Map<ChainId, number>()
  #keepers = 0
  #sweepWaits = false
  #maySweep = false
  #nextName = 1
  #generation = 0
  /** Called when a layer is gone that was a frozen folder, too: this may be deleted now. */
  whenFrozenGone: () => void = () => {}
  /** How merged views of layers are made here. */
  driver: StorageDriver = 'overlay2'

  private constructor(
    dataRoot: string,
    workers: WorkerPool,
    private readonly salvage: Salvage,
  ) {
    this.#files = new LayerFiles(join(dataRoot, 'layers'))
    this.#records = new LayerRecords(this.#files.folder, salvage)
    this.#workers = workers
    this.#settling = new Settling(
      this.#records,
      () => workers.run('syncFileSystem', { folder: this.#files.folder }),
      layer => this.#layers.get(layer.name) === layer,
    )
  }

  static async open(dataRoot: string, workers: WorkerPool, salvage: Salvage): Promise<LayerStore> {
    const store = new LayerStore(dataRoot, workers, salvage)
    await store.#files.prepare()
    await store.#load()
    return store
  }

  /** Where the layers' files lie: RootMount's layersDir. */
  get treeFolder(): string {
    return this.#files.treeFolder
  }

  /** For what is only there for a moment: emptied when the daemon starts. */
  get stagingFolder(): string {
    return this.#files.stagingFolder
  }

  /** Another number whenever a layer has come, has gone or stands on something else. */
  get generation(): number {
    return this.#generation
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
  async stageBy(job: (folders: LayerFolders) => Promise<Omit<StagedLayer, 'folder'>>): Promise<StagedLayer> {
    const folder = this.#files.stage()
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
    return this.stageBy(async folders => {
      const joined = await this.#workers.runJoined(['giveUpper', { upper }], ['takeLayer', { folders }])
      if (joined === undefined) return this.#workers.run('commitUpper', { upper, folders })
      const [{ diffId, archiveSize, size }, contents] = joined
      const storedDigest = diffId as string as Digest
      return { diffId, storedDigest, storedSize: archiveSize, archiveSize, contents: { ...contents, size } }
    })
  }

  /** The same of a frozen folder, which stays one: no copy is made. Whoever stands on it keeps it, or the layer does. */
  stageFrozen(frozen: FrozenName): Promise<StagedLayer> {
    const path = join(this.treeFolder, frozen)
    return this.stageBy(async ({ tape }) => {
      const { diffId, archiveSize, size } = await this.#workers.run('readFrozen', { folder: path, tape })
      const storedDigest = diffId as string as Digest
      return {
        diffId,
        storedDigest,
        storedSize: archiveSize,
        archiveSize,
        contents: { ...NOTHING_TAKEN, size },
        frozen,
      }
    })
  }

  /** Names of layers that are frozen folders. */
  frozenNames(): FrozenName[] {
    return [...this.#layers.keys()].filter(isFrozenName)
  }

  /** The same without a copy: the folder itself becomes the layer. Nobody may use it any more. */
  adoptUpper(upper: string, latest: number | null = null): Promise<StagedLayer> {
    return this.stageBy(folders => this.#workers.run('adoptUpper', { upper, folders, latest }))
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
      this.#addChain(pure, chain, parent)
      return chain
    }
    // It took something from what it stands on: on other layers it looks different.
    const other = [...this.#layers.values()].find(layer => layer.diffId === diffId)
    if (other === undefined) return undefined
    const [original] = Object.keys(other.chains) as ChainId[]
    const archive = this.archive(original!)
    try {
      return await this.place(await this.stage(archive, { diffId }), parent)
    } finally {
      archive.destroy()
    }
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

  /** These chains, and all that they stand on. */
  withBelow(tops: Iterable<ChainId | ''>): Set<ChainId> {
    const chains = new Set<ChainId>()
    for (const top of tops) {
      // Of a layer that is damaged only the name is known: not what was below it.
      for (let chain = top; chain !== '' && !chains.has(chain); ) {
        chains.add(chain)
        chain = this.find(chain)?.chains[chain] ?? ''
      }
    }
    return chains
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

  /** The same in chunks, each to be used before the next one is asked for; for who holds the layer. @throws NotFound */
  chunks(chain: ChainId): AsyncGenerator<Uint8Array> {
    const layer = this.#repeatable(chain)
    return this.#workers.chunks('repeatParts', () => ({ parts: [{ layer }] }))
  }

  /** Archives of layers, and bytes between them; the layers stay until the stream is closed. @throws NotFound */
  compose(parts: readonly ({ bytes: Uint8Array } | { chain: ChainId })[]): Sendable {
    const located = parts.map(part => ('bytes' in part ? part : { layer: this.#repeatable(part.chain) }))
    const stream = this.#workers.stream('repeatParts', () => ({ parts: located }))
    stream.once('close', this.hold(parts.flatMap(part => ('chain' in part ? [part.chain] : []))))
    return stream
  }

  /**
   * Nothing of these, and of what they stand on, goes away before the function that this returns was called. For those who only read:
   * what else is unused goes.
   */
  hold(tops: readonly ChainId[]): () => void {
    const chains = this.withBelow(tops)
    for (const chain of chains) this.#held.set(chain, (this.#held.get(chain) ?? 0) + 1)
    return () => {
      for (const chain of chains) {
        const others = (this.#held.get(chain) ?? 1) - 1
        if (others > 0) this.#held.set(chain, others)
        else this.#held.delete(chain)
      }
      // Nobody waits for it: what could not be deleted is found without a record at the next start.
      this.sweep().catch(() => {})
    }
  }

  #repeatable(chain: ChainId): RepeatableLayer {
    const layer = this.get(chain)
    return { folders: this.#files.of(layer), displaced: layer.displaced, diffId: layer.diffId }
  }

  /** Bytes of the files in these layers. */
  sizeOf(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + (this.#layers.get(name)?.size ?? 0), 0)
  }

  /** Says which chains are in use; all users together decide what a sweep leaves. */
  addUser(chainsInUse: () => Iterable<ChainId>): void {
    this.#users.push(chainsInUse)
  }

  /**
   * To be called when all users are known: before, everything would seem unused. Deletes what a killed daemon has moved into place
   * but not recorded, and what nobody uses; unless something is damaged, and this may belong to it.
   */
  async allowSweeps(): Promise<void> {
    const used = this.#used()
    const isMissingAny = [...used].some(chain => !this.#byChain.has(chain))
    for (const name of await this.#records.unrecorded(this.#layers)) {
      if (isMissingAny) await this.#records.putPartsAside(name, 'its record is missing, and so are layers of images')
      else await this.#records.removeParts(name)
    }
    if (await this.salvage.keepsAny()) this.#kept = new Set([...this.#byChain.keys()].filter(chain => !used.has(chain)))
    this.#maySweep = true
    await this.sweep()
  }

  /** Makes all that was placed so far survive a power cut. */
  settle(): Promise<void> {
    return this.#settling.settle()
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
    const used = this.#used()
    const doomed: Layer[] = []
    const changed: Layer[] = []
    // All at once, before the first wait: what is not in use is not found any more either.
    for (const layer of this.#layers.values()) {
      const unused = (Object.keys(layer.chains) as ChainId[]).filter(
        chain => !used.has(chain) && !this.#kept.has(chain),
      )
      for (const chain of unused) {
        delete layer.chains[chain]
        this.#byChain.delete(chain)
      }
      if (Object.keys(layer.chains).length === 0) doomed.push(layer)
      else if (unused.length > 0) changed.push(layer)
    }
    for (const layer of doomed) this.#layers.delete(layer.name)
    this.#generation++
    // One that is not settled yet has its record still to come.
    await this.#records.write(changed.filter(layer => !this.#settling.has(layer)))
    for (const layer of doomed) await this.#delete(layer)
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
      this.#addChain(same, chain, parent)
      return chain
    }
    if (!isPure) await this.#seal(staged, below)
    const layer: Layer = {
      name: staged.frozen ?? (this.#nextName++).toString(36),
      diffId: staged.diffId,
      size: contents.size,
      archiveSize: staged.archiveSize,
      hasRoot: contents.hasRoot,
      isPure,
      displaced: contents.displaced,
      chains: { [chain]: parent ?? '' },
    }
    this.#files.adopt(staged.folder, layer)
    this.#layers.set(layer.name, layer)
    this.#generation++
    this.#settling.made(layer)
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

  #addChain(layer: Layer, chain: ChainId, parent: ChainId | undefined): void {
    layer.chains[chain] = parent ?? ''
    this.#byChain.set(chain, layer)
    this.#generation++
    this.#settling.changed(layer)
  }

  async #delete(layer: Layer): Promise<void> {
    // First the record: half a layer must not look like one.
    this.#settling.forget(layer)
    await this.#records.remove(layer)
    await this.#files.remove(layer)
    if (isFrozenName(layer.name)) this.whenFrozenGone()
  }

  /** Numbers go on from the highest name, also of what has no record: that is deleted later. */
  async #load(): Promise<void> {
    for (const layer of await this.#records.load()) {
      this.#layers.set(layer.name, layer)
      for (const chain of Object.keys(layer.chains) as ChainId[]) this.#byChain.set(chain, layer)
    }
    for (const name of [...this.#layers.keys(), ...(await this.#records.unrecorded(this.#layers))])
      this.#nextName = Math.max(this.#nextName, (Number.parseInt(name, 36) || 0) + 1)
  }

  #used(): Set<ChainId> {
    const used = new Set<ChainId>(this.#held.keys())
    for (const chainsInUse of this.#users) for (const chain of chainsInUse()) used.add(chain)
    return used
  }
}
