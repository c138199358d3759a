/** Jobs on frozen folders (frozen.ts), which become layers where they lie. */

import { createHash } from 'node:crypto'
import { beginWriting } from '../../kernel/files.ts'
import { bytesIn } from '../changes.ts'
import { kindOf } from '../pack/describe.ts'
import { packTree } from '../pack/tree.ts'
import { type Piece, readPieces } from '../pieces.ts'
import { TapeWriter } from '../tape.ts'
import type { DiffId } from '../types.ts'
import { isFolderStatus, walk } from '../walk.ts'
import { isWhiteout } from '../whiteouts.ts'
import { withFolder } from './tree-jobs.ts'

export interface FrozenLayer {
  diffId: DiffId
  archiveSize: number
  /** Bytes of its files. */
  size: number
}

/** Reads a folder as a layer's archive for its digest, and writes its tape. Its files begin to go to the disk: soon all are synced. */
export const readFrozen = (path: string, tape: string): Promise<FrozenLayer> =>
  withFolder(path, async folder => {
    const recorder = new TapeWriter(tape)
    const hash = createHash('sha256')
    let archiveSize = 0
    try {
      for (const chunk of readPieces(begun(packTree(folder, { asLayer: true, recorder })))) {
        hash.update(chunk)
        archiveSize += chunk.length
        await recorder.settle()
      }
      await recorder.finish()
    } catch (error) {
      recorder.abandon()
      throw error
    }
    return { diffId: `sha256:${hash.digest('hex')}` as DiffId, archiveSize, size: bytesIn(folder) }
  })

function* begun(pieces: Iterable<Piece>): Generator<Piece> {
  for (const piece of pieces) {
    if (!Buffer.isBuffer(piece)) beginWriting(piece.file, piece.offset, piece.length)
    yield piece
  }
}

/**
 * Whether a folder can be both a layer and what its container goes on standing on: names of one file come apart when that file is copied
 * up, and sockets are in no archive.
 */
export const isShareable = (path: string): Promise<boolean> =>
  withFolder(path, folder => {
    for (const { status } of walk(folder)) {
      // Of whiteouts overlay makes one, and gives it names.
      if (isFolderStatus(status) || isWhiteout(status)) continue
      if (status.links > 1 || kindOf(status) === undefined) return false
    }
    return true
  })
