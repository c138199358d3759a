/**
 * Points in a root's life: freezing what was written, and going back. Each is a few renames; a daemon that is killed between two of them
 * leaves what the next one can tell apart:
 *
 *     freeze   root.json says `freezing: N` → upper becomes layers/tree/N → a new upper → root.json says `frozen: [N, …]`
 *              cut off: N becomes the upper again, and nobody was told that there was a snapshot
 *     reset    a new upper is made → the old one goes away → root.json says what the root stands on, if that changes → the new one takes its place
 *              cut off: it takes its place at the next start; to what it stands on then the container is reset once more
 *
 * Nothing of the root may be mounted meanwhile: overlay takes no changes of its layers from below ("Changes to underlying filesystems",
 * Documentation/filesystems/overlayfs.rst).
 */

import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Conflict } from '../kernel/errors.ts'
import { type FrozenFolders, type FrozenName, MAX_FROZEN } from './frozen.ts'
import { type RootRecord, writeRecord } from './root-record.ts'

/** What the steps need of the room around them. */
export interface RootSite {
  /** roots/CONTAINER */
  readonly folder: string
  readonly frozen: FrozenFolders
  /** Of what the daemon holds in memory: set when it is on the disk. */
  get(): RootRecord
  set(record: RootRecord): void
  /** An empty upper folder that looks like this one; null: like the root of the layers. */
  makeUpper(path: string, like: string | null): void
  copy(from: string, to: string, options: { marks: boolean }): Promise<unknown>
}

const upperOf = (folder: string): string => join(folder, 'upper')
const treeOf = (folder: string): string => join(folder, 'tree')
/** An upper that has never been used: before it takes its place, and after it was taken back. */
const freshOf = (folder: string): string => join(folder, 'fresh')

const stackOf = ({ frozen = [] }: RootRecord): readonly FrozenName[] => frozen
const stands = ({ top, driver }: RootRecord, frozen: readonly FrozenName[]): RootRecord =>
  frozen.length === 0 ? { top, driver } : { top, driver, frozen }

/** @throws Conflict */
function refuseTooMany(record: RootRecord): void {
  if (stackOf(record).length < MAX_FROZEN) return
  throw new Conflict(
    `max depth exceeded: ${MAX_FROZEN} snapshots lie on top of each other already; reset to an earlier one, or commit an image`,
  )
}

/** Answers what the root stands on afterwards. @throws Conflict */
export async function freezeRoot(site: RootSite): Promise<readonly FrozenName[]> {
  const record = site.get()
  refuseTooMany(record)
  const name = site.frozen.begin()
  const stack = [name, ...stackOf(record)]
  try {
    if (record.driver === 'vfs') await freezeCopy(site, record, name)
    else await freezeUpper(site, record, name, stack)
  } finally {
    // From here on the root's own record keeps it, or there is nothing of it.
    site.frozen.made(name)
  }
  return stackOf(site.get())
}

async function freezeCopy(site: RootSite, record: RootRecord, name: FrozenName): Promise<void> {
  await site.copy(treeOf(site.folder), site.frozen.path(name), { marks: false })
  const next = stands(record, [name])
  await writeRecord(site.folder, next)
  site.set(next)
}

async function freezeUpper(
  site: RootSite,
  record: RootRecord,
  name: FrozenName,
  stack: readonly FrozenName[],
): Promise<void> {
  const { folder, frozen } = site
  const intent: RootRecord = { ...record, freezing: name }
  await writeRecord(folder, intent)
  site.set(intent)
  try {
    site.makeUpper(freshOf(folder), upperOf(folder))
    renameSync(upperOf(folder), frozen.path(name))
    renameSync(freshOf(folder), upperOf(folder))
    const next = stands(record, stack)
    await writeRecord(folder, next)
    site.set(next)
  } catch (error) {
    await takeBack(site, intent)
    throw error
  }
}

/** Makes what was frozen last the upper once more; nothing was written to the new one. `below`: what the root stood on before. */
export async function unfreezeRoot(site: RootSite, below: readonly FrozenName[]): Promise<void> {
  const record = site.get()
  const [last] = stackOf(record)
  if (last === undefined) return
  if (record.driver === 'vfs') {
    // Its tree is as it was: only the copy has no use any more.
    const next = stands(record, below)
    await writeRecord(site.folder, next)
    site.set(next)
    return
  }
  const intent: RootRecord = { ...stands(record, below), freezing: last }
  await writeRecord(site.folder, intent)
  site.set(intent)
  await takeBack(site, intent)
}

/** Of a freeze that did not come to its end; also of one that an earlier daemon has begun. */
export async function takeBack(site: RootSite, intent: RootRecord): Promise<void> {
  const { folder, frozen } = site
  const name = intent.freezing!
  frozen.avoid(name)
  rmSync(freshOf(folder), { recursive: true, force: true })
  if (frozen.exists(name)) {
    if (existsSync(upperOf(folder))) renameSync(upperOf(folder), freshOf(folder))
    renameSync(frozen.path(name), upperOf(folder))
    rmSync(freshOf(folder), { recursive: true, force: true })
  }
  const before = stands(intent, stackOf(intent))
  site.set(before)
  try {
    await writeRecord(folder, before)
  } catch {
    // On a full disk the word stays: the folder that it names is gone, and `avoid` keeps others from being called so.
  }
}

/** The same point as a copy, of a root that somebody goes on writing to. */
export async function copyRoot(site: RootSite): Promise<readonly FrozenName[]> {
  const record = site.get()
  refuseTooMany(record)
  const name = site.frozen.begin()
  const isPlain = record.driver === 'vfs'
  try {
    const from = isPlain ? treeOf(site.folder) : upperOf(site.folder)
    await site.copy(from, site.frozen.path(name), { marks: !isPlain })
  } catch (error) {
    site.frozen.made(name)
    throw error
  }
  return isPlain ? [name] : [name, ...stackOf(record)]
}

/** Drops what was written. Where the root stands on something else than before, a daemon that is killed has to be asked again. */
export async function resetRoot(site: RootSite, stack: readonly FrozenName[]): Promise<void> {
  const { folder, frozen } = site
  const record = site.get()
  const [top] = stack
  if (record.driver === 'vfs' && top === undefined) throw new Conflict('a copy can only be reset to a snapshot')
  const current = record.driver === 'vfs' ? treeOf(folder) : upperOf(folder)
  const fresh = freshOf(folder)
  rmSync(fresh, { recursive: true, force: true })
  if (record.driver === 'vfs') await site.copy(frozen.path(top!), fresh, { marks: false })
  else site.makeUpper(fresh, likeTop(site, stack))
  const grave = frozen.bury(current)
  try {
    if (stackOf(record).join() !== stack.join()) {
      const next = stands(record, stack)
      await writeRecord(folder, next)
      site.set(next)
    }
    renameSync(fresh, current)
  } catch (error) {
    renameSync(grave, current)
    throw error
  }
  frozen.deleteLater(grave)
}

const likeTop = ({ frozen }: RootSite, [top]: readonly FrozenName[]): string | null =>
  top === undefined ? null : frozen.path(top)

/** What a killed daemon has left of a reset or a freeze. */
export async function settleRoot(site: RootSite): Promise<void> {
  const { folder } = site
  const record = site.get()
  if (record.freezing !== undefined) await takeBack(site, record)
  const [current, fresh] = [record.driver === 'vfs' ? treeOf(folder) : upperOf(folder), freshOf(folder)]
  // A new one is whole before the old one goes.
  if (!existsSync(current) && existsSync(fresh)) renameSync(fresh, current)
  rmSync(fresh, { recursive: true, force: true })
  if (record.driver === 'overlay2' && !existsSync(current)) site.makeUpper(current, likeTop(site, stackOf(record)))
}
