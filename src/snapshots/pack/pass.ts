/** What belongs to one pass over a tree. */

import type { FileStatus } from '../../kernel/files.ts'
import { type IdMap, toInside } from '../../kernel/namespaces.ts'
import type { ByteString } from '../tar/byte-string.ts'
import { BLOCK, type Entry } from '../tar/entry.ts'
import { isFolderStatus } from '../walk.ts'

/** Files below this size are read in the call that opens them. */
export const SMALL_FILE = 64 * 1024

/** As the kernel shows ids that a user namespace has not: /proc/sys/fs/overflowuid. */
const OVERFLOW_ID = 65_534

/** Hears of each piece of an archive before it is yielded: what stands in a file is told by its place there. */
export interface PackRecorder {
  raw(bytes: Buffer): void
  file(path: ByteString, generation: number, offset: number, length: number): void
}

export interface PackOptions {
  /** Overlay's marks become whiteouts; otherwise the tree is taken as it is. */
  asLayer: boolean
  /** The files are shown as a user namespace's: the archive gets the ids inside. */
  ids?: IdMap | null
  recorder?: PackRecorder
}

export class Pass {
  readonly options: PackOptions
  readonly links = new HardLinks()
  /** Where a small file's entry is put together. What is yielded from here is to be used before the next piece is asked for. */
  readonly memory = Buffer.allocUnsafeSlow(BLOCK + SMALL_FILE + BLOCK)

  /** A piece that is in no file. */
  raw(bytes: Buffer): Buffer {
    this.options.recorder?.raw(bytes)
    return bytes
  }

  /** An entry with the ids that the archive is to have. */
  inside(entry: Entry): Entry {
    const { ids } = this.options
    if (!ids) return entry
    const { uid, gid } = entry
    return { ...entry, uid: toInside(ids.uids, uid) ?? OVERFLOW_ID, gid: toInside(ids.gids, gid) ?? OVERFLOW_ID }
  }

  constructor(options: PackOptions) {
    this.options = options
  }
}

/** Remembers files with several names, so that each is packed once. */
class HardLinks {
  readonly #names = new Map<string, ByteString>()

  /** The name that the same file was packed under before. */
  seen(status: FileStatus, name: ByteString): ByteString | undefined {
    if (status.links < 2 || isFolderStatus(status)) return undefined
    const key = `${status.fileSystem}/${status.inode}`
    const first = this.#names.get(key)
    if (first === undefined) this.#names.set(key, name)
    return first
  }
}
