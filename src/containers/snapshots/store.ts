/** Snapshots as files: snapshots/NAME/snapshot.json, and beside it copies of volumes. Their roots' files lie with the layers (src/snapshots/frozen.ts). */

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, syncFolder, TEMPORARY_PREFIX, writeAtomically } from '../../kernel/atomic-file.ts'
import { Conflict, InvalidParameter, NotFound } from '../../kernel/errors.ts'
import { isObject, type Salvage } from '../../kernel/salvage.ts'
import type { FrozenName } from '../../snapshots/frozen.ts'
import type { SnapshotRecord } from './types.ts'

const FILE = 'snapshot.json'
const ALLOWED = '[a-zA-Z0-9][a-zA-Z0-9_.-]'
const MOST_CHARACTERS = 128

/** @throws InvalidParameter */
export function checkSnapshotName(name: string): void {
  if (!new RegExp(`^${ALLOWED}+$`).test(name))
    throw new InvalidParameter(`Invalid snapshot name (${name}), only ${ALLOWED} are allowed`)
  if (name.length > MOST_CHARACTERS)
    throw new InvalidParameter(`Invalid snapshot name (${name}), it is longer than ${MOST_CHARACTERS} characters`)
}

export class SnapshotStore {
  readonly #records = new Map<string, SnapshotRecord>()
  /** Names of those that are being made. */
  readonly #making = new Set<string>()
  /** How many are at work with a snapshot at this moment. */
  readonly #holders = new Map<string, number>()

  private constructor(private readonly folder: string) {}

  static async open(dataRoot: string, salvage: Salvage): Promise<SnapshotStore> {
    const store = new SnapshotStore(join(dataRoot, 'snapshots'))
    await mkdir(store.folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(store.folder)
    for (const name of await readdir(store.folder)) {
      const isOwn = (value: unknown): value is SnapshotRecord => isRecord(value) && value.name === name
      const record = await salvage.read(join(store.folder, name, FILE), isOwn, CONSEQUENCE)
      if (record !== undefined) store.#records.set(name, record)
      else await salvage.putAside(join(store.folder, name), 'its record is damaged or missing', CONSEQUENCE)
    }
    return store
  }

  all(): SnapshotRecord[] {
    return [...this.#records.values()]
  }

  /** @throws NotFound */
  get(name: string): SnapshotRecord {
    const record = this.#records.get(name)
    if (record === undefined) throw new NotFound(`No such snapshot: ${name}`)
    return record
  }

  /** The one whose own folder this is. */
  withTop(name: FrozenName | undefined): SnapshotRecord | undefined {
    return name === undefined ? undefined : this.all().find(({ frozen }) => frozen[0] === name)
  }

  volumeFolder(name: string, folder: string): string {
    return join(this.folder, name, 'volumes', folder)
  }

  /** Takes a name for one that `make` makes, in an empty folder. @throws Conflict, InvalidParameter */
  async making<T>(name: string, make: (staging: string) => Promise<T>): Promise<T> {
    checkSnapshotName(name)
    if (this.#records.has(name) || this.#making.has(name))
      throw new Conflict(`Conflict. The snapshot name "${name}" is already in use: remove that one first`)
    this.#making.add(name)
    const staging = join(this.folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(staging, { mode: 0o700 })
      return await make(staging)
    } finally {
      this.#making.delete(name)
      // It has moved, or it is of no use.
      await rm(staging, { recursive: true, force: true })
    }
  }

  /** It exists, also after a power cut, when this resolves. */
  async add(record: SnapshotRecord, staging: string): Promise<void> {
    await writeAtomically(join(staging, FILE), `${JSON.stringify(record, null, 2)}\n`, { durable: true })
    await rename(staging, join(this.folder, record.name))
    this.#records.set(record.name, record)
    await syncFolder(this.folder)
  }

  /** Nobody removes the snapshot while `work` is done with it; '' stands for none. @throws NotFound */
  async holding<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (name === '') return work()
    this.get(name)
    this.#holders.set(name, (this.#holders.get(name) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const left = (this.#holders.get(name) ?? 1) - 1
      if (left > 0) this.#holders.set(name, left)
      else this.#holders.delete(name)
    }
  }

  isHeld(name: string): boolean {
    return this.#holders.has(name)
  }

  /** Gone under its name at once. */
  async remove(name: string): Promise<void> {
    const grave = join(this.folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    await rename(join(this.folder, name), grave)
    this.#records.delete(name)
    await rm(grave, { recursive: true, force: true })
  }
}

const CONSEQUENCE = 'the snapshot cannot be gone back to; what containers on it have is not lost'

const isRecord = (value: unknown): value is SnapshotRecord =>
  isObject(value) &&
  [value.name, value.created, value.containerId, value.imageId, value.top].every(field => typeof field === 'string') &&
  Array.isArray(value.frozen) &&
  value.frozen.length > 0 &&
  Array.isArray(value.volumes) &&
  isObject(value.config)
