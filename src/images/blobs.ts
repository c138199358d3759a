/** Small documents by their digest, in the folders of an OCI layout: `blobs/sha256/HEX`. */

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, writeAllDurably, writeAtomically } from '../kernel/atomic-file.ts'
import { hasCode, NotFound, Unavailable } from '../kernel/errors.ts'
import type { Digest } from './types.ts'

export const digestOf = (bytes: Uint8Array): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest

export class BlobStore {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<BlobStore> {
    const store = new BlobStore(join(folder, 'blobs/sha256'))
    await mkdir(store.#folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(store.#folder)
    return store
  }

  /** @throws NotFound, Unavailable if the file is not what its name says */
  async read(digest: Digest): Promise<Buffer> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.#path(digest))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw new NotFound(`blob does not exist: ${digest}`)
      throw error
    }
    if (digestOf(bytes) !== digest)
      throw new Unavailable(`blob ${digest} was changed on disk, in ${this.#path(digest)}`)
    return bytes
  }

  /** All of them, and `others`, which are small files too, survive a power cut when it resolves. */
  async writeAll(blobs: readonly Uint8Array[], others: readonly { path: string; data: string }[] = []): Promise<void> {
    const missing: { path: string; data: Uint8Array }[] = []
    for (const bytes of blobs) {
      const digest = digestOf(bytes)
      if (!(await this.#isWhole(digest))) missing.push({ path: this.#path(digest), data: bytes })
    }
    await writeAllDurably([...missing, ...others])
  }

  /** A power cut may take it. */
  async writeHastily(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes)
    if (!(await this.#isWhole(digest))) await writeAtomically(this.#path(digest), bytes, { durable: false })
    return digest
  }

  /** What is damaged must not be taken for what is there already. */
  async #isWhole(digest: Digest): Promise<boolean> {
    try {
      await this.read(digest)
      return true
    } catch (error) {
      if (error instanceof NotFound || error instanceof Unavailable) return false
      throw error
    }
  }

  async has(digest: Digest): Promise<boolean> {
    try {
      await stat(this.#path(digest))
      return true
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false
      throw error
    }
  }

  /** As a power cut leaves what was not written durably. */
  async isEmpty(digest: Digest): Promise<boolean> {
    try {
      return (await stat(this.#path(digest))).size === 0
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return true
      throw error
    }
  }

  pathOf(digest: Digest): string {
    return this.#path(digest)
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#path(digest), { force: true })
  }

  async keepOnly(needed: ReadonlySet<Digest>): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const digest = `sha256:${name}` as Digest
      if (!needed.has(digest)) await this.remove(digest)
    }
  }

  #path(digest: Digest): string {
    return join(this.#folder, digest.slice('sha256:'.length))
  }
}
