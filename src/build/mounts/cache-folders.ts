/**
 * What RUN --mount=type=cache keeps between builds:
 *
 *     build/mounts/NAME/files         the folder that is mounted
 *     build/mounts/NAME/record.json   its id, and when it was used
 */

import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../../kernel/atomic-file.ts'
import { timestampNow } from '../../kernel/clock.ts'
import { hasCode } from '../../kernel/errors.ts'

export interface CacheFolder {
  name: string
  id: string
  created: string
  lastUsed: string
  usageCount: number
}

export interface FolderRequest {
  id: string
  sharing: 'shared' | 'private' | 'locked'
  uid: number
  gid: number
  mode: number
  /** Fills a folder that is new. */
  fill: ((folder: string) => Promise<void>) | null
}

/** A folder that somebody uses; `release` it. */
export interface HeldFolder {
  path: string
  release(): void
}

export class CacheFolders {
  readonly #folder: string
  readonly #records = new Map<string, CacheFolder>()
  /** By name: how many use it. */
  readonly #users = new Map<string, number>()
  /** By name: whoever wants it for itself waits for the one before. */
  readonly #locks = new Map<string, Promise<void>>()

  constructor(dataRoot: string) {
    this.#folder = join(dataRoot, 'build', 'mounts')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#folder)) {
      const record = readRecord(join(this.#folder, name, 'record.json'))
      if (record !== null) this.#records.set(name, record)
    }
  }

  all(): CacheFolder[] {
    return [...this.#records.values()]
  }

  isUsed = (name: string): boolean => (this.#users.get(name) ?? 0) > 0
  pathOf = (name: string): string => join(this.#folder, name, 'files')

  async hold(request: FolderRequest, signal: AbortSignal): Promise<HeldFolder> {
    if (request.sharing === 'locked') return this.#locked(request, signal)
    const name = request.sharing === 'private' ? this.#unused(request.id) : nameOf(request.id, 0)
    return this.#open(name, request)
  }

  async remove(name: string): Promise<void> {
    this.#records.delete(name)
    const grave = join(this.#folder, `gone-${name}-${process.pid}`)
    await rename(join(this.#folder, name), grave)
    await rm(grave, { recursive: true, force: true })
  }

  async #locked(request: FolderRequest, signal: AbortSignal): Promise<HeldFolder> {
    const name = nameOf(request.id, 0)
    const before = this.#locks.get(name) ?? Promise.resolve()
    let unlock = (): void => {}
    const mine = new Promise<void>(resolve => {
      unlock = resolve
    })
    this.#locks.set(
      name,
      before.then(() => mine),
    )
    await Promise.race([before, new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))])
    const held = await this.#open(name, request)
    return {
      path: held.path,
      release: () => {
        held.release()
        unlock()
      },
    }
  }

  #unused(id: string): string {
    for (let copy = 0; ; copy++) if (!this.isUsed(nameOf(id, copy))) return nameOf(id, copy)
  }

  async #open(name: string, { id, uid, gid, mode, fill }: FolderRequest): Promise<HeldFolder> {
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1)
    const release = (): void => void this.#users.set(name, (this.#users.get(name) ?? 1) - 1)
    try {
      const path = this.pathOf(name)
      const known = this.#records.get(name)
      if (known === undefined) {
        mkdirSync(path, { recursive: true, mode: 0o755 })
        await fill?.(path)
        chownSync(path, uid, gid)
        chmodSync(path, mode)
      }
      const now = timestampNow()
      const record = {
        name,
        id,
        created: known?.created ?? now,
        lastUsed: now,
        usageCount: (known?.usageCount ?? 0) + 1,
      }
      this.#records.set(name, record)
      const file = join(this.#folder, name, 'record.json')
      await writeAtomically(file, `${JSON.stringify(record, null, 2)}\n`, { durable: false })
      return { path, release }
    } catch (error) {
      release()
      throw error
    }
  }
}

const nameOf = (id: string, copy: number): string =>
  createHash('sha256').update(`${id}\0${copy}`).digest('hex').slice(0, 24)

function readRecord(path: string): CacheFolder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as CacheFolder
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError) return null
    throw error
  }
}
