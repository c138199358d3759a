/** The snapshots room on temporary folders, and archives to feed it with. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { type Header, pack } from 'tar-stream'
import { openSnapshots, type SnapshotRoom } from '../../src/snapshots/service.ts'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'

export const run = promisify(execFile)

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-layers-`))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function layerRoom(folder?: string): Promise<SnapshotRoom & { folder: string }> {
  const dataRoot = folder ?? (await temporaryFolder())
  const room = await openSnapshots(dataRoot)
  disposeLater(() => room.workers.close())
  return { ...room, folder: dataRoot }
}

export type TarEntry = Partial<Header> & { name: string; content?: string | Buffer }

/** An archive by tar-stream: not by skiff's own writer. */
export async function archive(entries: TarEntry[]): Promise<Buffer> {
  const tar = pack({})
  for (const { content = '', ...rest } of entries) {
    const header = { mtime: new Date(0), ...rest }
    if (header.type === undefined || header.type === 'file') tar.entry(header, content)
    else tar.entry(header)
  }
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The bytes in small chunks, as they come from a network. */
export function inChunks(bytes: Buffer, size = 1000): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    })(),
    { objectMode: false },
  )
}

export async function bytesOf(stream: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  // Copies: some streams give the same memory again and again.
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
