/** Jobs that give the archives of layers again, byte for byte as they came. See ../tape.ts. */

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { Unavailable } from '../../kernel/errors.ts'
import { AT_FDCWD, close, openat2, openToRead, RESOLVE_BENEATH } from '../../kernel/files.ts'
import { readRange } from '../pieces.ts'
import { readSmall } from '../read-small.ts'
import { readTape, type TapeRecord } from '../tape.ts'
import { toPath } from '../tar/byte-string.ts'
import type { DiffId } from '../types.ts'
import type { LayerContents } from '../unpack/layer.ts'
import type { LayerFolders } from './layer-jobs.ts'
import type { Output } from './streams.ts'
import { withFolder } from './tree-jobs.ts'

/** What is needed to repeat the archive of a layer. */
export interface RepeatableLayer {
  folders: LayerFolders
  displaced: LayerContents['displaced']
  diffId: DiffId
}

/** A piece of a longer archive: bytes as they are, or a layer's archive. */
export type ArchivePart = { bytes: Uint8Array } | { layer: RepeatableLayer }

/** Gives one after the other. @throws Unavailable if the files of a layer are not those that it had */
export async function repeatParts(parts: ArchivePart[], output: Output): Promise<void> {
  for (const part of parts) {
    if ('bytes' in part) await output.send(part.bytes)
    else await repeatLayer(part.layer, output)
  }
  await output.end()
}

async function repeatLayer({ folders, displaced, diffId }: RepeatableLayer, output: Output): Promise<void> {
  const hash = createHash('sha256')
  const memory = Buffer.allocUnsafeSlow(CHUNK)
  await withFolder(folders.tree, async tree => {
    for await (const record of readTape(folders.tape)) {
      for (const chunk of bytesOf(record, tree, folders.displaced, displaced, memory)) {
        hash.update(chunk)
        const room = output.send(chunk)
        if (room !== undefined) await room
      }
    }
  })
  if (`sha256:${hash.digest('hex')}` !== diffId) {
    throw new Unavailable(`the files of layer ${diffId} were changed on disk, in ${folders.tree}`)
  }
}

const CHUNK = 256 * 1024
const ZEROS = Buffer.alloc(65536)

function* bytesOf(
  record: TapeRecord,
  tree: number,
  displacedFolder: string,
  displaced: LayerContents['displaced'],
  memory: Buffer,
): Generator<Buffer> {
  if (record.kind === 'raw') yield record.bytes
  else if (record.kind === 'zero') {
    for (let left = record.length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left)
  } else {
    const kept = displaced[record.path]?.[record.generation]
    const { offset, length } = record
    const name = toPath(record.path)
    if (kept === undefined && length <= memory.length && readSmall(tree, name, offset, length, memory)) {
      yield memory.subarray(0, length)
      return
    }
    const file =
      kept === undefined
        ? openat2(tree, name, constants.O_RDONLY, RESOLVE_BENEATH)
        : openToRead(AT_FDCWD, `${displacedFolder}/${kept}`)
    try {
      yield* readRange({ file, offset, length }, memory)
    } finally {
      close(file)
    }
  }
}
