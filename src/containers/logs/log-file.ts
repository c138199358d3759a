/** One open file of a log. It is followed by its descriptor: its name may become another file's at any moment. */

import { closeSync, fstatSync, openSync, read, statSync } from 'node:fs'
import { promisify } from 'node:util'
import { hasCode } from '../../kernel/errors.ts'

const readFile = promisify(read)

export class LogFile {
  private constructor(
    private readonly fd: number,
    /** Names the file as long as it is open. */
    readonly inode: number,
  ) {}

  /** null: there is no such file. */
  static open(path: string): LogFile | null {
    try {
      const fd = openSync(path, 'r')
      return new LogFile(fd, fstatSync(fd).ino)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null
      throw error
    }
  }

  /** In bytes, at this moment. */
  get size(): number {
    return fstatSync(this.fd).size
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    const { bytesRead } = await readFile(this.fd, buffer, 0, length, position)
    return bytesRead
  }

  isAt(path: string): boolean {
    return inodeOf(path) === this.inode
  }

  close(): void {
    closeSync(this.fd)
  }
}

/** null: there is no such file. */
export function inodeOf(path: string): number | null {
  try {
    return statSync(path).ino
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}
