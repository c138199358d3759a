/**
 * What has come of a blob while its download goes on, in images/downloads/HEX: a pull that broke off, even by the daemon's end,
 * is taken up where it stopped. Nothing is believed: the bytes go through the same check of the digest as those from the network.
 */

import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../../kernel/errors.ts'
import type { Digest } from '../types.ts'

/** A smaller one is as soon fetched again. */
const SMALLEST_KEPT = 1024 * 1024
const WRITTEN_AT_ONCE = 512 * 1024
/** A pull that nobody has repeated for so long is given up. */
const KEPT_MS = 24 * 60 * 60 * 1000

export class PartialBlobs {
  private constructor(private readonly folder: string) {}

  static async open(dataRoot: string): Promise<PartialBlobs> {
    const partials = new PartialBlobs(join(dataRoot, 'images', 'downloads'))
    await mkdir(partials.folder, { recursive: true, mode: 0o700 })
    await partials.removeStale()
    return partials
  }

  /** Only one at a time may be open of a blob. */
  async open(digest: Digest, size: number): Promise<PartialBlob> {
    if (size < SMALLEST_KEPT) return new PartialBlob('', null, 0)
    const path = join(this.folder, digest.slice('sha256:'.length))
    const file = await open(path, 'a+', 0o600)
    const { size: length } = await file.stat()
    // As long as the whole and still here: it was not what it should be, or nobody came to look. Both begin anew.
    if (length >= size) await file.truncate(0)
    return new PartialBlob(path, file, length >= size ? 0 : length)
  }

  /** @param now for tests: milliseconds since 1970 */
  async removeStale(now = Date.now()): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name)
      try {
        if ((await stat(path)).mtimeMs < now - KEPT_MS) await rm(path)
      } catch (error) {
        // Its download has ended meanwhile.
        if (!hasCode(error, 'ENOENT')) throw error
      }
    }
  }
}

export class PartialBlob {
  #waiting: Buffer[] = []
  #waitingBytes = 0

  constructor(
    private readonly path: string,
    private file: FileHandle | null,
    /** Bytes that an earlier download has left. */
    readonly length: number,
  ) {}

  /** What an earlier download has left. */
  async *read(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.length && this.file !== null; ) {
      const chunk = Buffer.allocUnsafe(Math.min(WRITTEN_AT_ONCE, this.length - at))
      const { bytesRead } = await this.file.read(chunk, 0, chunk.length, at)
      if (bytesRead === 0) throw new Error(`${this.path} was cut off by somebody else`)
      at += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  }

  /** Keeps bytes that follow what is there. */
  async append(chunk: Buffer): Promise<void> {
    if (this.file === null) return
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes >= WRITTEN_AT_ONCE) await this.#flush()
  }

  /** Leaves what has come for a later download. */
  async close(): Promise<void> {
    await this.#flush()
    await this.file?.close()
    this.file = null
  }

  async remove(): Promise<void> {
    const { file } = this
    if (file === null) return
    this.file = null
    this.#waiting = []
    await file.close()
    await rm(this.path, { force: true })
  }

  async #flush(): Promise<void> {
    const chunks = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.file === null || chunks.length === 0) return
    try {
      await this.file.writev(chunks)
    } catch (error) {
      if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) throw error
      // The layer itself needs the room more.
      await this.remove()
    }
  }
}
