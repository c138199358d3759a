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
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, TEMPORARY_PREFIX } from '../kernel/atomic-file.ts'
import { Conflict, hasCode, NotFound } from '../kernel/errors.ts'
import type { Layer } from './layer-disk.ts'
import type { LayerStore } from './layers.ts'
import type { ChainId, RootMount, StorageDriver } from './types.ts'
import type { WorkerPool } from './worker/pool.ts'

interface RootRecord {
  /** The topmost; '' for a root without layers. */
  top: ChainId | ''
  driver: StorageDriver
}

export class Roots {
  readonly #folder: string
  readonly #layers: LayerStore
  readonly #workers: WorkerPool
  readonly #records = new Map<string, RootRecord>()

  private constructor(folder: string, layers: LayerStore, workers: WorkerPool) {
    this.#folder = folder
    this.#layers = layers
    this.#workers = workers
  }

  static async open(dataRoot: string, layers: LayerStore, workers: WorkerPool): Promise<Roots> {
    const roots = new Roots(join(dataRoot, 'roots'), layers, workers)
    await mkdir(roots.#folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(roots.#folder)
    for (const id of await readdir(roots.#folder)) {
      roots.#records.set(id, JSON.parse(await readFile(join(roots.#folder, id, 'root.json'), 'utf8')) as RootRecord)
    }
    return roots
  }

  /** All chains that containers stand on, with what these stand on. */
  chains(): Set<ChainId> {
    const chains = new Set<ChainId>()
    for (const { top } of this.#records.values()) {
      for (let chain = top; chain !== '' && !chains.has(chain); chain = this.#layers.get(chain).chains[chain] ?? '') {
        chains.add(chain)
      }
    }
    return chains
  }

  /** By overlay a few short system calls, without a detour over other threads: it is part of every container's start. */
  async prepare(containerId: string, chain: readonly ChainId[]): Promise<RootMount> {
    const record: RootRecord = { top: chain.at(-1) ?? '', driver: this.#layers.driver }
    const stack = this.#layers.stack(record.top || undefined)
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

  get(containerId: string): RootMount {
    const record = this.#records.get(containerId)
    if (record === undefined) throw new NotFound(`container ${containerId} has no root`)
    return this.#mount(containerId, record, this.#layers.stack(record.top || undefined))
  }

  async remove(containerId: string): Promise<void> {
    if (!this.#records.delete(containerId)) return
    // Gone at once; to delete what is in it takes its time.
    const grave = join(this.#folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    await rename(join(this.#folder, containerId), grave)
    await rm(grave, { recursive: true, force: true })
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
