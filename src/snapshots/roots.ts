/**
 * The roots of containers on disk:
 *
 *     roots/CONTAINER/upper       what the container has written
 *     roots/CONTAINER/work        overlay's own
 *     roots/CONTAINER/tree        in place of these two, where overlay cannot be had: a copy of everything
 *     roots/CONTAINER/root.json   the chain of layers below
 *
 * A root appears whole or not at all: it is made under another name and renamed.
 */

import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, TEMPORARY_PREFIX, writeAtomically } from '../kernel/atomic-file.ts'
import { Conflict, hasCode, NotFound, Unavailable } from '../kernel/errors.ts'
import { isObject, type Salvage } from '../kernel/salvage.ts'
import { removeTree } from '../kernel/small-tree.ts'
import type { Layer } from './layer-records.ts'
import type { LayerStore } from './layers.ts'
import type { ChainId, RootMount, StorageDriver } from './types.ts'
import type { WorkerPool } from './worker/pool.ts'

interface RootRecord {
  /** The topmost; '' for a root without layers. */
  top: ChainId | ''
  driver: StorageDriver
}

const isRootRecord = (value: unknown): value is RootRecord =>
  isObject(value) && typeof value.top === 'string' && (value.driver === 'overlay2' || value.driver === 'vfs')

export class Roots {
  readonly #folder: string
  readonly #layers: LayerStore
  readonly #workers: WorkerPool
  readonly #records = new Map<string, RootRecord>()
  /** Folders whose record is damaged or missing: what the containers wrote is there, and what it stands on is not known. */
  readonly #unrecorded = new Set<string>()

  private constructor(
    folder: string,
    layers: LayerStore,
    workers: WorkerPool,
    private readonly salvage: Salvage,
  ) {
    this.#folder = folder
    this.#layers = layers
    this.#workers = workers
  }

  static async open(dataRoot: string, layers: LayerStore, workers: WorkerPool, salvage: Salvage): Promise<Roots> {
    const roots = new Roots(join(dataRoot, 'roots'), layers, workers, salvage)
    await mkdir(roots.#folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(roots.#folder)
    for (const id of await readdir(roots.#folder)) {
      const record = await salvage.read(join(roots.#folder, id, 'root.json'), isRootRecord, CONSEQUENCE, {
        unsynced: true,
      })
      if (record === undefined) roots.#unrecorded.add(id)
      else roots.#records.set(id, record)
    }
    return roots
  }

  /** All chains that containers stand on, with what these stand on. */
  chains(): Set<ChainId> {
    const chains = new Set<ChainId>()
    for (const { top } of this.#records.values()) {
      // Of a layer that is damaged only the name is known: not what was below it.
      for (let chain = top; chain !== '' && !chains.has(chain); ) {
        chains.add(chain)
        chain = this.#layers.find(chain)?.chains[chain] ?? ''
      }
    }
    return chains
  }

  /** By overlay a few short system calls, without a detour over other threads: it is part of every container's start. */
  async prepare(containerId: string, chain: readonly ChainId[]): Promise<RootMount> {
    const record: RootRecord = { top: chain.at(-1) ?? '', driver: this.#layers.driver }
    const stack = this.#stack(record.top)
    const temporary = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    mkdirSync(temporary, { mode: 0o700 })
    try {
      writeFileSync(join(temporary, 'root.json'), `${JSON.stringify(record)}\n`)
      if (record.driver === 'vfs') await this.#makeCopy(join(temporary, 'tree'), stack)
      else {
        mkdirSync(join(temporary, 'work'), { mode: 0o700 })
        this.#makeUpper(join(temporary, 'upper'), stack)
      }
      renameSync(temporary, join(this.#folder, containerId))
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw new Conflict(`container ${containerId} has a root already`)
      throw error
    }
    this.#records.set(containerId, record)
    return this.#mount(containerId, record, stack)
  }

  /** @throws NotFound, Unavailable if what it stands on is damaged */
  get(containerId: string): RootMount {
    const record = this.#records.get(containerId)
    if (record === undefined) throw new NotFound(`container ${containerId} has no root`)
    const stack = this.#stack(record.top)
    return this.#mount(containerId, record, stack)
  }

  /** Ids of all that have a folder here. */
  ids(): string[] {
    return [...this.#records.keys(), ...this.#unrecorded]
  }

  /** Nothing was ever written to it. */
  async isUntouched(containerId: string): Promise<boolean> {
    if (this.#records.get(containerId)?.driver === 'vfs') return false
    try {
      return (await readdir(join(this.#folder, containerId, 'upper'))).length === 0
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return true
      throw error
    }
  }

  /** Writes a record that was lost anew. Nothing happens if there is one. `top`: as in the record. */
  async repair(containerId: string, top: ChainId | ''): Promise<void> {
    if (!this.#unrecorded.has(containerId)) return
    const parts = await readdir(join(this.#folder, containerId))
    const record: RootRecord = { top, driver: parts.includes('tree') ? 'vfs' : 'overlay2' }
    await writeAtomically(join(this.#folder, containerId, 'root.json'), `${JSON.stringify(record)}\n`, {
      durable: true,
    })
    this.#unrecorded.delete(containerId)
    this.#records.set(containerId, record)
  }

  /** What nobody can use any more, and somebody may want to look into. */
  async putAside(containerId: string, why: string): Promise<void> {
    const isThere = this.#records.delete(containerId) || this.#unrecorded.delete(containerId)
    if (isThere)
      await this.salvage.putAside(join(this.#folder, containerId), why, 'what the container wrote is kept there')
  }

  async remove(containerId: string): Promise<void> {
    if (!this.#records.delete(containerId) && !this.#unrecorded.delete(containerId)) return
    // Gone at once; to delete what is in it takes its time.
    const grave = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    renameSync(join(this.#folder, containerId), grave)
    await removeTree(grave)
  }

  #stack(top: ChainId | ''): Layer[] {
    try {
      return this.#layers.stack(top || undefined)
    } catch (error) {
      // Not a NotFound: a client would think that the container does not exist, or the image.
      if (!(error instanceof NotFound)) throw error
      throw new Unavailable(`a layer of the image is damaged or missing: load or pull it again (${error.message})`)
    }
  }

  #mount(containerId: string, { driver }: RootRecord, stack: Layer[]): RootMount {
    const folder = join(this.#folder, containerId)
    const layers = { layersDir: this.#layers.treeFolder, lower: this.#layers.lowerNames(stack) }
    if (driver === 'vfs') return { kind: 'plain', path: join(folder, 'tree'), ...layers }
    return { kind: 'overlay', ...layers, upper: join(folder, 'upper'), work: join(folder, 'work') }
  }

  async #makeCopy(tree: string, stack: Layer[]): Promise<void> {
    mkdirSync(tree)
    const lower = this.#layers.lowerNames(stack)
    await this.#workers.run('copyLayers', { layersDir: this.#layers.treeFolder, lower, target: tree })
    this.#dress(tree, stack)
  }

  #makeUpper(upper: string, stack: Layer[]): void {
    mkdirSync(upper, { mode: 0o755 })
    this.#dress(upper, stack)
  }

  /** The folder is the container's /: it looks like the root of the highest layer that has one of its own. */
  #dress(folder: string, stack: Layer[]): void {
    const layer = stack.find(({ hasRoot }) => hasRoot)
    if (layer === undefined) {
      chmodSync(folder, 0o755)
      return
    }
    const { uid, gid, mode, atime, mtime } = lstatSync(this.#layers.treeOf(layer))
    chownSync(folder, uid, gid)
    chmodSync(folder, mode & 0o7777)
    utimesSync(folder, atime, mtime)
  }
}

const CONSEQUENCE = "it is written anew from what the container's own record says"
