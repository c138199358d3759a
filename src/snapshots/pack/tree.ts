/** Turns files into an archive: a whole tree, or the upper folder of an overlay as a layer. */

import { constants } from 'node:fs'
import { close, openToRead, statAt } from '../../kernel/files.ts'
import type { IdMap } from '../../kernel/namespaces.ts'
import { compareTrees } from '../changes.ts'
import type { Piece } from '../pieces.ts'
import { type ByteString, joinPath, toPath } from '../tar/byte-string.ts'
import { END_OF_ARCHIVE, encodeEntry } from '../tar/writer.ts'
import { type Found, ifThere, isFolderStatus, walk } from '../walk.ts'
import { isOpaque, isWhiteout, OPAQUE_MARKER } from '../whiteouts.ts'
import { describe, entryOf, kindOf, whiteoutEntry } from './describe.ts'
import { packFile } from './file.ts'
import { type PackOptions, Pass } from './pass.ts'

const SELF = toPath('.' as ByteString)

/** What is in an open folder, as an archive. With `withRoot` its first entry is the folder, as `./`. */
export function* packTree(root: number, options: PackOptions & { withRoot?: boolean }): Generator<Piece> {
  const pass = new Pass(options)
  if (options.withRoot) {
    const status = statAt(root, SELF)
    yield encodeEntry(describe({ folder: root, name: SELF, path: './' as ByteString, status }, 'folder'))
  }
  for (const found of walk(root)) yield* packOne(found, found.path, pass)
  yield pass.raw(END_OF_ARCHIVE)
}

/** What differs in a tree from the one that it began as, as a layer's archive. `below` is that one. */
export function* packChanges(tree: number, below: number): Generator<Piece> {
  const changes = compareTrees(tree, below)
  const pass = new Pass({ asLayer: false })
  for (const found of walk(tree)) {
    if (changes.has(found.path)) yield* packOne(found, found.path, pass)
  }
  for (const [path, kind] of changes) if (kind === 'deleted') yield encodeEntry(whiteoutEntry(path, BEGINNING))
  yield END_OF_ARCHIVE
}

const BEGINNING = { modified: { s: 0, ns: 0 } }

/** One file or folder by its name in an open folder, as `as` and beneath. */
export function* packPath(folder: number, name: ByteString, as: ByteString, ids: IdMap | null): Generator<Piece> {
  const pass = new Pass({ asLayer: false, ids })
  const status = statAt(folder, toPath(name))
  yield* packOne({ folder, name: toPath(name), path: name, status }, as, pass)
  if (isFolderStatus(status)) {
    const root = openToRead(folder, toPath(name), constants.O_DIRECTORY)
    try {
      for (const found of walk(root)) yield* packOne(found, joinPath(as, found.path), pass)
    } finally {
      close(root)
    }
  }
  yield END_OF_ARCHIVE
}

function* packOne(found: Found, as: ByteString, pass: Pass): Generator<Piece> {
  const { asLayer } = pass.options
  if (asLayer && isWhiteout(found.status)) {
    yield pass.raw(encodeEntry(whiteoutEntry(as, found.status)))
    return
  }
  const kind = kindOf(found.status)
  // Sockets belong to processes, and no archive has them.
  if (kind === undefined) return
  const first = pass.links.seen(found.status, as)
  if (first !== undefined) {
    const { modified, mode, uid, gid } = found.status
    yield pass.raw(
      encodeEntry(pass.inside(entryOf({ kind: 'link', name: as, target: first, modified, mode, uid, gid }))),
    )
    return
  }
  if (kind === 'file') {
    yield* packFile(found, as, pass)
    return
  }
  const entry = ifThere(() => describe({ ...found, path: kind === 'folder' ? (`${as}/` as ByteString) : as }, kind))
  if (entry === undefined) return
  yield pass.raw(encodeEntry(pass.inside(entry)))
  if (asLayer && kind === 'folder' && isOpaque(found.folder, found.name)) {
    yield pass.raw(
      encodeEntry(entryOf({ kind: 'file', name: joinPath(as, OPAQUE_MARKER), modified: found.status.modified })),
    )
  }
}
