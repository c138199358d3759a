/** The snapshots room's services, put together: what containers, images and the API use. */

import { mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Unavailable } from '../kernel/errors.ts'
import { duplicate } from '../kernel/files.ts'
import type { IdMap } from '../kernel/namespaces.ts'
import { Salvage } from '../kernel/salvage.ts'
import { type FrozenFolders, type FrozenName, isFrozenName } from './frozen.ts'
import { LayerStore } from './layers.ts'
import { openRoot } from './merged.ts'
import { whyNoOverlay } from './overlay-support.ts'
import { Roots } from './roots.ts'
import type {
  Archives,
  ChainId,
  Change,
  RootMount,
  RootUsage,
  Sendable,
  Snapshots,
  StorageDriver,
  UnpackOptions,
} from './types.ts'
import { WorkerPool } from './worker/pool.ts'

export interface SnapshotRoom {
  snapshots: Snapshots
  archives: Archives
  layers: LayerStore
  workers: WorkerPool
  roots: Roots
  /** Why roots are copies; null if they are not, or if that was asked for. */
  noOverlay: Unavailable | null
}

export interface SnapshotOptions {
  /** `--storage-driver`; '': overlay2 where it works, else vfs. */
  driver?: StorageDriver | ''
  /** Who is told of what is damaged. */
  salvage?: Salvage
}

/**
 * Opens the state beneath `dataRoot`, and deletes what an interrupted daemon left half-made there.
 * @throws Unavailable if overlay2 was asked for and cannot be had
 */
export async function openSnapshots(
  dataRoot: string,
  { driver = '', salvage = new Salvage(dataRoot) }: SnapshotOptions = {},
): Promise<SnapshotRoom> {
  const workers = new WorkerPool()
  const layers = await LayerStore.open(dataRoot, workers, salvage)
  const noOverlay = driver === 'vfs' ? null : whyNoOverlay(layers.stagingFolder)
  if (driver === 'overlay2' && noOverlay !== null) throw noOverlay
  layers.driver = driver || (noOverlay === null ? 'overlay2' : 'vfs')
  const roots = await Roots.open(dataRoot, layers, workers, salvage)
  layers.addUser(() => roots.chains())
  return {
    workers,
    layers,
    roots,
    snapshots: new LayerSnapshots(workers, layers, roots),
    archives: new WorkerArchives(workers),
    noOverlay,
  }
}

class LayerSnapshots implements Snapshots {
  readonly #workers: WorkerPool
  readonly #layers: LayerStore
  readonly #roots: Roots

  constructor(workers: WorkerPool, layers: LayerStore, roots: Roots) {
    this.#workers = workers
    this.#layers = layers
    this.#roots = roots
  }

  /** No layer goes away while it is copied. */
  prepare(containerId: string, chain: readonly ChainId[], frozen?: readonly FrozenName[]): Promise<RootMount> {
    return this.#layers.keeping(() => this.#roots.prepare(containerId, chain, frozen))
  }

  async root(containerId: string): Promise<RootMount> {
    return this.#roots.get(containerId)
  }

  owners(): string[] {
    return this.#roots.ids()
  }

  isUntouched(containerId: string): Promise<boolean> {
    return this.#roots.isUntouched(containerId)
  }

  repair(containerId: string, top: ChainId | ''): Promise<void> {
    return this.#roots.repair(containerId, top)
  }

  putAside(containerId: string, why: string): Promise<void> {
    return this.#roots.putAside(containerId, why)
  }

  async remove(containerId: string): Promise<void> {
    await this.#roots.remove(containerId)
    await this.#layers.sweep()
  }

  openMerged(root: RootMount, { writable = false }: { writable?: boolean } = {}): number {
    return openRoot(root, writable)
  }

  get frozen(): FrozenFolders {
    return this.#roots.frozen
  }

  get driver(): StorageDriver {
    return this.#layers.driver
  }

  async copyFolder(from: string, to: string): Promise<void> {
    await this.#workers.run('copyTree', { from, to, marks: false })
  }

  async sync(folder: string): Promise<void> {
    await this.#workers.run('syncFileSystem', { folder })
  }

  sizeOf(folder: string): Promise<number> {
    return this.#workers.run('bytesIn', { folder })
  }

  sweep(): Promise<void> {
    return this.#layers.sweep()
  }

  frozenOf(containerId: string): readonly FrozenName[] {
    return this.#roots.frozenOf(containerId)
  }

  freeze(containerId: string): Promise<readonly FrozenName[]> {
    return this.#roots.freeze(containerId)
  }

  share(containerId: string): Promise<FrozenName | undefined> {
    return this.#roots.share(containerId)
  }

  unfreeze(containerId: string, below: readonly FrozenName[]): Promise<void> {
    return this.#roots.unfreeze(containerId, below)
  }

  copyFrozen(containerId: string): Promise<readonly FrozenName[]> {
    return this.#roots.copyFrozen(containerId)
  }

  reset(containerId: string, frozen: readonly FrozenName[]): Promise<RootMount> {
    return this.#roots.reset(containerId, frozen)
  }

  changes(root: RootMount): Promise<Change[]> {
    const scratch = this.#layers.stagingFolder
    if (root.kind === 'plain') return this.#workers.run('changes', { root, scratch })
    const lower = root.lower.slice(root.frozen ?? 0)
    return this.withWritten(root, upper => this.#workers.run('changes', { root: { ...root, upper, lower }, scratch }))
  }

  async withWritten<T>(root: RootMount & { kind: 'overlay' }, use: (upper: string) => Promise<T>): Promise<T> {
    const { layersDir, lower, frozen = 0, upper } = root
    if (frozen === 0) return use(upper)
    const target = mkdtempSync(join(this.#layers.stagingFolder, 'written-'))
    try {
      const uppers = [upper, ...lower.slice(0, frozen).map(name => join(layersDir, name))]
      await this.#workers.run('mergeUppers', { uppers, target, layersDir, lower: lower.slice(frozen) })
      return await use(target)
    } finally {
      await rm(target, { recursive: true, force: true })
    }
  }

  packDiff(root: RootMount): Readable {
    return root.kind === 'plain'
      ? this.#workers.stream('packCopy', () => ({ root, scratch: this.#layers.stagingFolder }))
      : this.#workers.stream('packUpper', () => ({ upper: root.upper }))
  }

  packTree(root: RootMount): Sendable {
    return this.#workers.stream('packMerged', () => ({ root }))
  }

  async usage(root: RootMount, isShared = (_: FrozenName): boolean => false): Promise<RootUsage> {
    if (root.kind === 'plain') {
      // All of it is the container's own.
      const total = await this.#workers.run('bytesIn', { folder: root.path })
      return { writable: total, total }
    }
    // Most containers have written nothing: that is seen at once.
    const isEmpty = readdirSync(root.upper).length === 0
    const upper = isEmpty ? 0 : await this.#workers.run('bytesIn', { folder: root.upper })
    const frozen = root.lower.slice(0, root.frozen ?? 0).filter(isFrozenName)
    const sizes = await Promise.all(frozen.map(name => this.frozen.sizeOf(name)))
    const shared = frozen.findIndex(isShared)
    const own = sizes.slice(0, shared === -1 ? sizes.length : shared)
    const layers = this.#layers.sizeOf(root.lower.slice(frozen.length))
    return { writable: sum([upper, ...own]), total: sum([upper, ...sizes, layers]) }
  }
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)

class WorkerArchives implements Archives {
  readonly #workers: WorkerPool

  constructor(workers: WorkerPool) {
    this.#workers = workers
  }

  pack(root: number, path: string, as: string, ids: IdMap | null = null): Sendable {
    const own = duplicate(root)
    return this.#workers.stream('packBeneath', () => ({ root: own, path, as, ids }))
  }

  unpack(root: number, path: string, archive: Readable, options: UnpackOptions = {}): Promise<void> {
    return this.#workers.run('unpackBeneath', { root: duplicate(root), path, options }, archive).then(() => {})
  }
}
