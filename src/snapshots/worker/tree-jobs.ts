/** Jobs that read or write the trees of containers. */

import { constants } from 'node:fs'
import { KernelError, NotFound } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, RESOLVE_IN_ROOT } from '../../kernel/files.ts'
import type { IdMap } from '../../kernel/namespaces.ts'
import { actingAs } from '../acting-as.ts'
import { openLayers, openRoot } from '../merged.ts'
import { packPath, packTree } from '../pack/tree.ts'
import type { Piece } from '../pieces.ts'
import { ByteSource } from '../tar/byte-source.ts'
import { type ByteString, fromText, splitPath, toPath } from '../tar/byte-string.ts'
import { decompress } from '../tar/decompress.ts'
import { TarReader } from '../tar/reader.ts'
import type { RootMount, UnpackOptions } from '../types.ts'
import { TreeUnpacker } from '../unpack/into.ts'
import { normalizeName } from '../unpack/parents.ts'
import type { Output, Receiver } from './streams.ts'

export async function sendAll(pieces: Iterable<Piece> | AsyncIterable<Uint8Array>, output: Output): Promise<void> {
  for await (const piece of pieces) {
    const room = piece instanceof Uint8Array ? output.send(piece) : output.put(piece)
    if (room !== undefined) await room
  }
  await output.end()
}

/** The folder at an absolute path, for as long as `use` takes. */
export async function withFolder<T>(path: string, use: (folder: number) => T | Promise<T>): Promise<T> {
  return withDescriptor(openat2(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY, 0), use)
}

/** The same, with a descriptor by which its owner, mode and times can be set. */
export const withReadable = <T>(path: string, use: (folder: number) => T | Promise<T>): Promise<T> =>
  withDescriptor(openat2(AT_FDCWD, path, constants.O_RDONLY | constants.O_DIRECTORY, 0), use)

export const withFolders = <T>(
  paths: string[],
  use: (folders: number[]) => T | Promise<T>,
  open: number[] = [],
): Promise<T> =>
  open.length === paths.length
    ? Promise.resolve(use(open))
    : withFolder(paths[open.length]!, folder => withFolders(paths, use, [...open, folder]))

export async function withDescriptor<T>(descriptor: number, use: (descriptor: number) => T | Promise<T>): Promise<T> {
  try {
    return await use(descriptor)
  } finally {
    close(descriptor)
  }
}

export const withLayers = <T>(
  layersDir: string,
  lower: string[],
  use: (merged: number) => T | Promise<T>,
): Promise<T> => withDescriptor(openLayers(layersDir, lower), use)

export const packMerged = (root: RootMount, output: Output): Promise<void> =>
  withDescriptor(openRoot(root, false), merged => sendAll(packTree(merged, { asLayer: false }), output))

export const packUpper = (upper: string, output: Output): Promise<void> =>
  withFolder(upper, folder => sendAll(packTree(folder, { asLayer: true }), output))

/** Takes over `root`. */
export const packBeneath = (root: number, path: string, as: string, ids: IdMap | null, output: Output): Promise<void> =>
  withDescriptor(root, async () => {
    const { folder, name } = splitPath(normalizeName(fromText(path)))
    const parent = openBeneath(root, folder === '' ? ('.' as ByteString) : folder)
    await withDescriptor(parent, () => sendAll(packPath(parent, name === '' ? SELF : name, fromText(as), ids), output))
  })

/** Takes over `root`. */
export const unpackBeneath = (root: number, path: string, input: Receiver, options: UnpackOptions): Promise<void> =>
  withDescriptor(root, async () => {
    const base = normalizeName(fromText(path))
    close(openBeneath(root, base === '' ? SELF : base))
    const { content } = await decompress(input, chunk => input.recycle(chunk))
    const unpacker = new TreeUnpacker(new TarReader(new ByteSource(content)), root, base, options)
    await actingAs(options.ids ?? null, () => unpacker.unpack())
  })

const SELF = '.' as ByteString

function openBeneath(root: number, folder: ByteString): number {
  try {
    return openat2(root, toPath(folder), O_PATH | constants.O_DIRECTORY, RESOLVE_IN_ROOT)
  } catch (error) {
    if (error instanceof KernelError && ['ENOENT', 'ENOTDIR'].includes(error.code)) {
      throw new NotFound(`no such directory: ${folder}`, { cause: error })
    }
    throw error
  }
}
