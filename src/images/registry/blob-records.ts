/**
 * Under which digests layers are known to registries: a layer is compressed for the way, and the same layer may be there already.
 * Kept in images/registry-blobs.json; losing it costs an upload.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../../kernel/atomic-file.ts'
import { hasCode } from '../../kernel/errors.ts'
import { isDamage, isObject, parseRecord } from '../../kernel/salvage.ts'
import type { DiffId, Digest } from '../types.ts'

export interface BlobRecord {
  digest: Digest
  size: number
  mediaType: string
  /** 'localhost:5000/library/web': where it has been seen. */
  repository: string
}

const KEPT_PER_LAYER = 20

export class BlobRecords {
  readonly #records: Map<DiffId, BlobRecord[]>

  private constructor(
    private readonly path: string,
    records: Record<DiffId, BlobRecord[]>,
  ) {
    this.#records = new Map(Object.entries(records) as [DiffId, BlobRecord[]][])
  }

  static async open(dataRoot: string): Promise<BlobRecords> {
    const path = join(dataRoot, 'images', 'registry-blobs.json')
    return new BlobRecords(path, await read(path))
  }

  /** The latest first. */
  of(diffId: DiffId): readonly BlobRecord[] {
    return this.#records.get(diffId) ?? []
  }

  async add(entries: readonly (readonly [DiffId, BlobRecord])[]): Promise<void> {
    for (const [diffId, record] of entries) {
      const others = this.of(diffId).filter(one => one.digest !== record.digest || one.repository !== record.repository)
      this.#records.set(diffId, [record, ...others].slice(0, KEPT_PER_LAYER))
    }
    await writeAtomically(this.path, `${JSON.stringify(Object.fromEntries(this.#records))}\n`, { durable: false })
  }
}

const isRecords = (value: unknown): value is Record<DiffId, BlobRecord[]> =>
  isObject(value) && Object.values(value).every(Array.isArray)

async function read(path: string): Promise<Record<DiffId, BlobRecord[]>> {
  try {
    return parseRecord(await readFile(path, 'utf8'), isRecords)
  } catch (error) {
    // A damaged file says nothing that could not be found out again.
    if (hasCode(error, 'ENOENT') || isDamage(error)) return {}
    throw error
  }
}
