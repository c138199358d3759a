/**
 * The roots of containers on disk:
 *
 *     roots/CONTAINER/upper       what the container has written
 *     roots/CONTAINER/work        overlay's own
 *     roots/CONTAINER/tree        in place of these two, where overlay cannot be had: a copy of everything
 *     roots/CONTAINER/root.json   the chain of layers below, and the frozen folders of snapshots between these and the upper
 *
 * A root appears whole or not at all: it is made under another name and renamed. How it is frozen and reset: root-points.ts.
 */

import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, TEMPORARY_PREFIX } from '../kernel/atomic-file.ts'
import { Conflict, hasCode, NotFound, Unavailable } from '../kernel/errors.ts'
import { takeSteps } from '../kernel/file-steps.ts'
import { spreadSubfolders } from '../kernel/inode-flags.ts'
import type { Salvage } from '../kernel/salvage.ts'
import { removeTree } from '../kernel/small-tree.ts'
import { setXattr, xattrsOf } from '../kernel/xattr.ts'
import { FrozenFolders, type FrozenName } from './frozen.ts'
import type { Layer } from './layer-records.ts'
import type { LayerStore } from './layers.ts'
import { copyRoot, freezeRoot, type RootSite, resetRoot, settleRoot, unfreezeRoot } from './root-points.ts'
import { isRootRecord, namesIn, type RootRecord, writeFirst, writeRecord } from './root-record.ts'
import type { ChainId, RootMount } from './types.ts'
import { isLayerMark } from './whiteouts.ts'
import type { WorkerPool } from './worker/pool.ts'

export class Roots {
  readonly frozen: FrozenFolders
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
    this.frozen = new FrozenFolders(layers.treeFolder, layers.stagingFolder, workers)
    this.frozen.addUser(() => [...this.#records.values()].flatMap(namesIn))
    this.frozen.addUser(() => layers.frozenNames())
    layers.whenFrozenGone = () => this.frozen.sweep()
  }

  static async open(dataRoot: string, layers: LayerStore, workers: WorkerPool, salvage: Salvage): Promise<Roots> {
    const roots = new Roots(join(dataRoot, 'roots'), layers, workers, salvage)
    await mkdir(roots.#folder, { recursive: true, mode: 0o700 })
    spreadSubfolders(roots.#folder)
    await removeTemporaries(roots.#folder)
    for (const id of await readdir(roots.#folder)) {
      const record = await salvage.read(join(roots.#folder, id, 'root.json'), isRootRecord, CONSEQUENCE, {
        unsynced: true,
      })
      if (record === undefined) roots.#unrecorded.add(id)
      else roots.#records.set(id, record)
    }
    for (const id of roots.#records.keys()) await settleRoot(roots.#site(id))
    return roots
  }

  /** All chains that containers stand on, with what these stand on. */
  chains(): Set<ChainId> {
    return this.#layers.withBelow([...this.#records.values()].map(({ top }) => top))
  }

  async prepare(
    containerId: string,
    chain: readonly ChainId[],
    frozen: readonly FrozenName[] = [],
  ): Promise<RootMount> {
    const record: RootRecord = { top: chain.at(-1) ?? '', driver: this.#layers.driver, ...(frozen[0] && { frozen }) }
    const stack = this.#stack(record.top)
    const temporary = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    try {
      if (record.driver === 'vfs') await this.#furnishPlain(temporary, record, stack)
      else await this.#furnishOverlay(temporary, record, stack)
      renameSync(temporary, join(this.#folder, containerId))
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw new Conflict(`container ${containerId} has a root already`)
      throw error
    }
    this.#records.set(containerId, record)
    return this.#mount(containerId, record, stack)
  }

  async #furnishPlain(folder: string, record: RootRecord, stack: Layer[]): Promise<void> {
    mkdirSync(folder, { mode: 0o700 })
    await writeFirst(folder, record)
    await this.#makeCopy(join(folder, 'tree'), stack, record.frozen?.[0])
  }

  /** On a busy disk each of these may take its time: another thread takes it. */
  async #furnishOverlay(folder: string, record: RootRecord, stack: Layer[]): Promise<void> {
    const [work, upper] = [join(folder, 'work'), join(folder, 'upper')]
    const folders = [folder, work, upper].map(make => ({ make, mode: make === upper ? 0o755 : 0o700 }))
    const taken = await takeSteps(folders)
    // Again, and to its end: this says what is wrong.
    for (const { make, mode } of folders.slice(taken)) mkdirSync(make, { mode })
    await writeFirst(folder, record)
    const like = record.frozen?.[0]
    if (like === undefined) this.#dress(upper, stack)
    else dressAs(upper, this.frozen.path(like))
  }

  /** @throws NotFound, Unavailable if what it stands on is damaged */
  get(containerId: string): RootMount {
    const record = this.#records.get(containerId)
    if (record === undefined) throw new NotFound(`container ${containerId} has no root`)
    const stack = this.#stack(record.top)
    return this.#mount(containerId, record, stack)
  }

  /** Topmost first. */
  frozenOf(containerId: string): readonly FrozenName[] {
    return this.#records.get(containerId)?.frozen ?? []
  }

  freeze = (containerId: string): Promise<readonly FrozenName[]> => freezeRoot(this.#site(containerId))

  /** What was written to a root of which nothing runs, as a frozen folder that can be a layer, too; undefined: it takes a copy. */
  async share(containerId: string): Promise<FrozenName | undefined> {
    const root = this.get(containerId)
    const frozen = this.frozenOf(containerId)
    const isUntouched = await this.isUntouched(containerId)
    // It is the one folder that was written, on the layers: either what is on top of these, or what was frozen already.
    if (root.kind === 'plain' || frozen.length > 1 || isUntouched !== (frozen.length === 1)) return undefined
    const folder = frozen[0] === undefined ? root.upper : this.frozen.path(frozen[0])
    if (!(await this.#workers.run('isShareable', { folder }))) return undefined
    return frozen[0] ?? (await this.freeze(containerId))[0]
  }

  async unfreeze(containerId: string, below: readonly FrozenName[]): Promise<void> {
    await unfreezeRoot(this.#site(containerId), below)
    this.frozen.sweep()
  }

  copyFrozen = (containerId: string): Promise<readonly FrozenName[]> => copyRoot(this.#site(containerId))

  async reset(containerId: string, frozen: readonly FrozenName[]): Promise<RootMount> {
    await resetRoot(this.#site(containerId), frozen)
    this.frozen.sweep()
    return this.get(containerId)
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
    await writeRecord(join(this.#folder, containerId), record)
    this.#unrecorded.delete(containerId)
    this.#records.set(containerId, record)
  }

  /** What nobody can use any more, and somebody may want to look into. */
  async putAside(containerId: string, why: string): Promise<void> {
    // What it stands on is part of what somebody may want to look into.
    this.frozen.keep(this.frozenOf(containerId))
    const isThere = this.#records.delete(containerId) || this.#unrecorded.delete(containerId)
    if (isThere)
      await this.salvage.putAside(join(this.#folder, containerId), why, 'what the container wrote is kept there')
  }

  async remove(containerId: string): Promise<void> {
    if (!this.#records.delete(containerId) && !this.#unrecorded.delete(containerId)) return
    // Gone at once; to delete what is in it takes its time.
    const grave = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    renameSync(join(this.#folder, containerId), grave)
    this.frozen.sweep()
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

  #mount(containerId: string, { driver, frozen = [] }: RootRecord, stack: Layer[]): RootMount {
    const folder = join(this.#folder, containerId)
    const [layersDir, lower] = [this.#layers.treeFolder, this.#layers.lowerNames(stack)]
    if (driver === 'vfs') return { kind: 'plain', path: join(folder, 'tree'), layersDir, lower }
    const missing = frozen.find(name => !this.frozen.exists(name))
    if (missing !== undefined) throw new Unavailable(`a snapshot's folder is missing: ${this.frozen.path(missing)}`)
    const own = { upper: join(folder, 'upper'), work: join(folder, 'work') }
    if (frozen.length === 0) return { kind: 'overlay', layersDir, lower, ...own }
    return { kind: 'overlay', layersDir, lower: [...frozen, ...lower], frozen: frozen.length, ...own }
  }

  #site(containerId: string): RootSite {
    const record = this.#records.get(containerId)
    if (record === undefined) throw new NotFound(`container ${containerId} has no root`)
    return {
      folder: join(this.#folder, containerId),
      frozen: this.frozen,
      get: () => this.#records.get(containerId) ?? record,
      set: next => this.#records.set(containerId, next),
      makeUpper: (path, like) => this.#makeUpper(path, like === null ? this.#stack(record.top) : [], like),
      copy: (from, to, { marks }) => this.#workers.run('copyTree', { from, to, marks }),
    }
  }

  async #makeCopy(tree: string, stack: Layer[], frozen: FrozenName | undefined): Promise<void> {
    if (frozen !== undefined) {
      await this.#workers.run('copyTree', { from: this.frozen.path(frozen), to: tree, marks: false })
      return
    }
    mkdirSync(tree)
    const lower = this.#layers.lowerNames(stack)
    await this.#workers.run('copyLayers', { layersDir: this.#layers.treeFolder, lower, target: tree })
    this.#dress(tree, stack)
  }

  /** `like`: another upper folder; null: the root of the layers. */
  #makeUpper(upper: string, stack: Layer[], like: string | null): void {
    mkdirSync(upper, { mode: 0o755 })
    if (like === null) this.#dress(upper, stack)
    else dressAs(upper, like)
  }

  /** The folder is the container's /: it looks like the root of the highest layer that has one of its own. */
  #dress(folder: string, stack: Layer[]): void {
    const layer = stack.find(({ hasRoot }) => hasRoot)
    if (layer === undefined) chmodSync(folder, 0o755)
    else dressAs(folder, this.#layers.treeOf(layer))
  }
}

function dressAs(folder: string, like: string): void {
  const { uid, gid, mode, atime, mtime } = lstatSync(like)
  chownSync(folder, uid, gid)
  chmodSync(folder, mode & 0o7777)
  for (const [attribute, value] of xattrsOf(like)) if (!isLayerMark(attribute)) setXattr(folder, attribute, value)
  utimesSync(folder, atime, mtime)
}

const CONSEQUENCE = "it is written anew from what the container's own record says"
