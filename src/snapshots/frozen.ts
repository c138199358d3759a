/**
 * Frozen folders: what a container had written at some moment, which nobody writes to any more. They lie beside the layers
 *
 *     layers/tree/_NAME       numbers in base 36; layers have the same without the underscore
 *
 * so that overlay finds them from the same folder by a few bytes, and userns-remap shows them by the same mapping. Where overlay can
 * be had each is an upper folder, with its whiteouts, on top of others; otherwise a copy of a whole tree.
 *
 * Who stands on one (a root, a snapshot) says so by addUser(); what nobody stands on is deleted. A layer can be one as well: what was
 * committed without a copy.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkerPool } from './worker/pool.ts'

declare const brand: unique symbol
/** The name of a frozen folder, as overlay's lowerdir has it. */
export type FrozenName = string & { readonly [brand]: 'FrozenName' }

const PREFIX = '_'

/** Whether a name in layers/tree/ is that of a frozen folder, and not of a layer. */
export const isFrozenName = (name: string): name is FrozenName => name.startsWith(PREFIX)

/** How many may lie on top of each other: with the layers of an image their names stay far below mount(2)'s page, and below overlay's 500. */
export const MAX_FROZEN = 125

export class FrozenFolders {
  readonly #users: (() => Iterable<FrozenName>)[] = []
  /** Being made: nobody stands on them yet. */
  readonly #making = new Set<FrozenName>()
  readonly #sizes = new Map<FrozenName, number>()
  readonly #names: Set<FrozenName>
  #next: number
  #maySweep = false
  #deleting: Promise<void> = Promise.resolve()

  constructor(
    /** layers/tree/ */
    private readonly folder: string,
    /** Emptied when the daemon starts. */
    private readonly graves: string,
    private readonly workers: WorkerPool,
  ) {
    this.#names = new Set(readdirSync(folder).filter(isFrozenName))
    this.#next = Math.max(0, ...[...this.#names].map(numberOf)) + 1
  }

  path(name: FrozenName): string {
    return join(this.folder, name)
  }

  exists(name: FrozenName): boolean {
    return existsSync(this.path(name))
  }

  /** A name that is never used again while this daemon runs. Call made() when somebody stands on it, or when there is nothing of it. */
  begin(): FrozenName {
    const name = `${PREFIX}${(this.#next++).toString(36)}` as FrozenName
    this.#making.add(name)
    this.#names.add(name)
    return name
  }

  made(name: FrozenName): void {
    this.#making.delete(name)
  }

  /** It was begun by a daemon that was killed, or by a root that could not be written down: others must not be called the same. */
  avoid(name: FrozenName): void {
    this.#next = Math.max(this.#next, numberOf(name) + 1)
  }

  addUser(names: () => Iterable<FrozenName>): void {
    this.#users.push(names)
  }

  /** Bytes of the files in it; nothing in it ever changes. */
  async sizeOf(name: FrozenName): Promise<number> {
    const known = this.#sizes.get(name)
    if (known !== undefined) return known
    const size = await this.workers.run('bytesIn', { folder: this.path(name) })
    this.#sizes.set(name, size)
    return size
  }

  /** Something that is put aside stands on them: they stay until somebody has looked, as at the next start (allowSweeps). */
  keep(names: Iterable<FrozenName>): void {
    for (const name of names) this.#names.delete(name)
  }

  /** To be called when all users are known. `keep`: something is damaged, to which what nobody uses may belong. */
  allowSweeps({ keep }: { keep: boolean }): void {
    const used = this.#used()
    if (keep) this.keep([...this.#names].filter(name => !used.has(name)))
    this.#maySweep = true
    this.sweep()
  }

  /** What nobody uses is out of everybody's way when this returns, and deleted in its own time. */
  sweep(): void {
    if (!this.#maySweep) return
    const used = this.#used()
    for (const name of [...this.#names]) {
      if (used.has(name)) continue
      this.#names.delete(name)
      this.#sizes.delete(name)
      if (!this.exists(name)) continue
      this.deleteLater(this.bury(this.path(name)))
    }
  }

  /** Moves a folder to where nobody finds it any more. Answers where that is. */
  bury(path: string): string {
    const grave = join(this.graves, `gone-${randomBytes(6).toString('hex')}`)
    renameSync(path, grave)
    return grave
  }

  /** Deletes a folder that nobody can find any more; one after the other. What a killed daemon leaves of it the next one deletes. */
  deleteLater(grave: string): void {
    this.#deleting = this.#deleting.then(() => rm(grave, { recursive: true, force: true })).catch(() => {})
  }

  #used(): Set<FrozenName> {
    const used = new Set(this.#making)
    for (const names of this.#users) for (const name of names()) used.add(name)
    return used
  }
}

const numberOf = (name: string): number => Number.parseInt(name.slice(PREFIX.length), 36) || 0
