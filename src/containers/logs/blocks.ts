/**
 * A file's bytes by its descriptor, for pipeline(). Node's file streams close a descriptor when they are destroyed, whatever they
 * were told (autoClose): it may be another file's by then.
 */

import { read, write } from 'node:fs'
import { promisify } from 'node:util'

const readFile = promisify(read)
const writeFile = promisify(write)

const BLOCK_BYTES = 64 * 1024

export async function* blocksOf(fd: number): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await readFile(fd, Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, position)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}

export const writeTo =
  (fd: number) =>
  async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      for (let written = 0; written < chunk.length; )
        written += (await writeFile(fd, chunk, written, chunk.length - written, null)).bytesWritten
    }
  }
