/**
 * What steps came to, by key: DATA-ROOT/build/cache/KEY.json. A record of a step that wrote something keeps its layer alive.
 * Shared by all builds, and there again after a restart.
 */

import { mkdirSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { overwrite, removeTemporaries, writeAtomically } from '../../kernel/atomic-file.ts'
import { timestampNow } from '../../kernel/clock.ts'
import { isObject } from '../../kernel/salvage.ts'
import type { ChainId, DiffId } from '../../snapshots/types.ts'

export interface CacheRecord {
  key: string
  /** The key of the step before. */
  parent: string
  /** What was run, for people. */
  description: string
  /** When the step was run: RFC 3339. An image that is made of cached steps alone is the same image again. */
  created: string
  layer: { diffId: DiffId; chain: ChainId; below: ChainId | ''; size: number } | null
  lastUsed: string
  usageCount: number
}

export class BuildCache {
  readonly #folder: string
  readonly #records = new Map<string, CacheRecord>()
  readonly #changed = new Set<string>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(dataRoot: string): Promise<BuildCache> {
    const cache = new BuildCache(join(dataRoot, 'build', 'cache'))
    mkdirSync(cache.#folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(cache.#folder)
    for (const name of await readdir(cache.#folder)) {
      if (!name.endsWith('.json')) continue
      const record = parseRecord(await readFile(join(cache.#folder, name), 'utf8'))
      if (record?.key === name.slice(0, -'.json'.length)) cache.#records.set(record.key, record)
      // As a power cut leaves what nobody waited for: the step is done once more.
      else await rm(join(cache.#folder, name), { force: true })
    }
    return cache
  }

  all(): CacheRecord[] {
    return [...this.#records.values()]
  }

  find(key: string): CacheRecord | undefined {
    return this.#records.get(key)
  }

  /** A step was found here. */
  touch(record: CacheRecord): void {
    record.lastUsed = timestampNow()
    record.usageCount++
    this.#changed.add(record.key)
  }

  add(record: Omit<CacheRecord, 'lastUsed' | 'usageCount'>): CacheRecord {
    const complete = { ...record, lastUsed: timestampNow(), usageCount: 1 }
    this.#records.set(record.key, complete)
    this.#changed.add(record.key)
    return complete
  }

  /** What has lost its layer, as one does that was made shortly before a crash, is no use. */
  async removeLost(isThere: (chain: ChainId) => boolean): Promise<void> {
    const lost = this.all().filter(({ layer }) => layer !== null && !isThere(layer.chain))
    await this.remove(lost.map(({ key }) => key))
  }

  /** Writes what has changed: when a build ends, and not on its way. */
  async flush(): Promise<void> {
    const changed = [...this.#changed].flatMap(key => this.#records.get(key) ?? [])
    this.#changed.clear()
    await Promise.all(changed.map(record => this.#write(record)))
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#records.delete(key)
    for (const key of keys) await rm(this.#path(key), { force: true })
  }

  async #write(record: CacheRecord): Promise<void> {
    const text = `${JSON.stringify(record, null, 2)}\n`
    // Most have been there before, and only say when they were used.
    if (!overwrite(this.#path(record.key), text))
      await writeAtomically(this.#path(record.key), text, { durable: false })
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.json`)
  }
}

function parseRecord(text: string): CacheRecord | null {
  try {
    const value: unknown = JSON.parse(text)
    const isRecord = isObject(value) && typeof value.key === 'string' && typeof value.lastUsed === 'string'
    return isRecord && 'layer' in value ? (value as unknown as CacheRecord) : null
  } catch {
    return null
  }
}
