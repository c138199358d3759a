/**
 * One open file of a log. It is followed by its descriptor: its name may become another file's at any moment. A compressed one is
 * unpacked when it is first read, into a file that has no name any more.
 */

import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, read, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { hasCode } from '../../kernel/errors.ts'
import { blocksOf, writeTo } from './blocks.ts'

const readFile = promisify(read)

/** Files that somebody reads, by inode: they are not compressed meanwhile, or a follower would lose its place. */
const inUse = new Map<number, number>()

export const isBeingRead = (inode: number): boolean => inUse.has(inode)

export class LogFile {
  /** Of a compressed file: what was in it. */
  #unpacked: Promise<number> | null = null

  private constructor(
    private readonly fd: number,
    /** Names the file as long as it is open. */
    readonly inode: number,
    /** Where it was found, if it is compressed. */
    private readonly compressedAt: string | null,
  ) {
    inUse.set(inode, (inUse.get(inode) ?? 0) + 1)
  }

  /** The file of this name or, if it was compressed, of this name with `.gz`; null: there is neither. */
  static open(path: string): LogFile | null {
    return LogFile.#open(path, false) ?? LogFile.#open(`${path}.gz`, true)
  }

  static #open(path: string, compressed: boolean): LogFile | null {
    try {
      const fd = openSync(path, 'r')
      return new LogFile(fd, fstatSync(fd).ino, compressed ? path : null)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null
      throw error
    }
  }

  /** In bytes, at this moment; unpacked. */
  async contentSize(): Promise<number> {
    return fstatSync(await this.#content()).size
  }

  /** As contentSize(), of a file that is not compressed: the newest never is. */
  get size(): number {
    return fstatSync(this.fd).size
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    const { bytesRead } = await readFile(await this.#content(), buffer, 0, length, position)
    return bytesRead
  }

  /** Nobody writes to it any more. */
  get isCompressed(): boolean {
    return this.compressedAt !== null
  }

  isAt(path: string): boolean {
    return inodeOf(path) === this.inode
  }

  close(): void {
    const users = (inUse.get(this.inode) ?? 1) - 1
    if (users === 0) inUse.delete(this.inode)
    else inUse.set(this.inode, users)
    closeSync(this.fd)
    this.#unpacked?.then(closeSync, () => {})
  }

  async #content(): Promise<number> {
    if (this.compressedAt === null) return this.fd
    this.#unpacked ??= unpack(this.fd, this.compressedAt)
    return this.#unpacked
  }
}

/** A descriptor of the content. What is broken ends where it breaks. */
async function unpack(compressed: number, path: string): Promise<number> {
  const name = join(dirname(path), `.reading-${randomUUID()}`)
  const fd = openSync(name, 'wx+', 0o600)
  rmSync(name)
  try {
    await pipeline(blocksOf(compressed), createGunzip(), writeTo(fd))
  } catch (error) {
    if (!hasCode(error, 'Z_BUF_ERROR', 'Z_DATA_ERROR')) {
      closeSync(fd)
      throw error
    }
  }
  return fd
}

/** Of the file of this name, compressed or not; null: there is none. */
export function inodeOf(path: string): number | null {
  return inodeAt(path) ?? inodeAt(`${path}.gz`)
}

function inodeAt(path: string): number | null {
  try {
    return statSync(path).ino
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}
