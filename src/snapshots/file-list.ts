/** A layer from a list: files of this machine, texts, folders and symlinks, in the order given. */

import { constants } from 'node:fs'
import { AT_FDCWD, close, openat2, statAt } from '../kernel/files.ts'
import { entryOf } from './pack/describe.ts'
import { readWhole } from './pieces.ts'
import { fromText } from './tar/byte-string.ts'
import { type Entry, padding } from './tar/entry.ts'
import { END_OF_ARCHIVE, encodeEntry } from './tar/writer.ts'

/** `to` is a path in the layer, without a slash at its start. All belongs to root. */
export type ListedFile =
  | { to: string; folder: true; mode: number }
  | { to: string; symlink: string }
  | { to: string; text: string; mode: number }
  /** A copy, with the mode and time of the original. */
  | { to: string; from: string }

export async function* packList(files: readonly ListedFile[]): AsyncGenerator<Buffer> {
  for (const file of files) {
    if ('from' in file) yield* copy(file.to, file.from)
    else if ('text' in file) {
      const content = Buffer.from(file.text)
      yield encodeEntry(entry('file', file.to, { mode: file.mode, storedSize: content.length, size: content.length }))
      yield Buffer.concat([content, Buffer.alloc(padding(content.length))])
    } else if ('symlink' in file) {
      yield encodeEntry(entry('symlink', file.to, { mode: 0o777, target: fromText(file.symlink) }))
    } else yield encodeEntry(entry('folder', `${file.to}/`, { mode: file.mode }))
  }
  yield END_OF_ARCHIVE
}

function* copy(to: string, from: string): Generator<Buffer> {
  const file = openat2(AT_FDCWD, from, constants.O_RDONLY, 0)
  try {
    const { mode, size, modified } = statAt(file, '')
    yield encodeEntry(entry('file', to, { mode: mode & 0o777, size, storedSize: size, modified }))
    yield* readWhole(file, size)
    yield Buffer.alloc(padding(size))
  } finally {
    close(file)
  }
}

const entry = (kind: Entry['kind'], name: string, known: Partial<Entry>): Entry =>
  entryOf({ kind, name: fromText(name), modified: { s: 0, ns: 0 }, mode: 0, ...known })
