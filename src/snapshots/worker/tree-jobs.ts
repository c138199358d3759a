/** Jobs that read or write the trees of containers, and that repeat the archives of layers. */

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { KernelError, NotFound, Unavailable } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, openToRead, RESOLVE_BENEATH, RESOLVE_IN_ROOT } from '../../kernel/files.ts'
import type { IdMap } from '../../kernel/namespaces.ts'
import { actingAs } from '../acting-as.ts'
import { openLayers, openRoot } from '../merged.ts'
import { packPath, packTree, readRange } from '../pack.ts'
import { readTape, type TapeRecord } from '../tape.ts'
import { ByteSource } from '../tar/byte-source.ts'
import { type ByteString, fromText, splitPath, toPath } from '../tar/byte-string.ts'
import { decompress } from '../tar/decompress.ts'
import { TarReader } from '../tar/reader.ts'
import type { DiffId, RootMount, UnpackOptions } from '../types.ts'
import { TreeUnpacker } from '../unpack/into.ts'
import type { LayerContents } from '../unpack/layer.ts'
import { normalizeName } from '../unpack/parents.ts'
import type { LayerFolders } from './layer-jobs.ts'
import type { Sender } from './streams.ts'

export async function sendAll(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, output: Sender): Promise<void> {
  for await (const chunk of chunks) {
    const room = output.send(chunk)
    if (room !== undefined) await room
  }
  await output.end()
}

/** The folder at an absolute path, for as long as `use` takes. */
export async function withFolder<T>(path: string, use: (folder: number) => T | Promise<T>): Promise<T> {
  return withDescriptor(openat2(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY, 0), use)
}

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

export const packMerged = (root: RootMount, output: Sender): Promise<void> =>
  withDescriptor(openRoot(root, false), merged => sendAll(packTree(merged, { asLayer: false }), output))

export const packUpper = (upper: string, output: Sender): Promise<void> =>
  withFolder(upper, folder => sendAll(packTree(folder, { asLayer: true }), output))

/** Takes over `root`. */
export const packBeneath = (root: number, path: string, as: string, ids: IdMap | null, output: Sender): Promise<void> =>
  withDescriptor(root, async () => {
    const { folder, name } = splitPath(normalizeName(fromText(path)))
    const parent = openBeneath(root, folder === '' ? ('.' as ByteString) : folder)
    await withDescriptor(parent, () => sendAll(packPath(parent, name === '' ? SELF : name, fromText(as), ids), output))
  })

/** Takes over `root`. */
export const unpackBeneath = (
  root: number,
  path: string,
  input: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): Promise<void> =>
  withDescriptor(root, async () => {
    const base = normalizeName(fromText(path))
    close(openBeneath(root, base === '' ? SELF : base))
    const { content } = await decompress(input)
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

/** Gives the archive of a layer again. @throws Unavailable if the files are not those that it had */
export async function repeatLayer(
  folders: LayerFolders,
  displaced: LayerContents['displaced'],
  diffId: DiffId,
  output: Sender,
): Promise<void> {
  const hash = createHash('sha256')
  await withFolder(folders.tree, async tree => {
    for await (const record of readTape(folders.tape)) {
      for (const chunk of bytesOf(record, tree, folders.displaced, displaced)) {
        hash.update(chunk)
        const room = output.send(chunk)
        if (room !== undefined) await room
      }
    }
  })
  if (`sha256:${hash.digest('hex')}` !== diffId) {
    throw new Unavailable(`the files of layer ${diffId} were changed on disk, in ${folders.tree}`)
  }
  await output.end()
}

const ZEROS = Buffer.alloc(65536)

function* bytesOf(
  record: TapeRecord,
  tree: number,
  displacedFolder: string,
  displaced: LayerContents['displaced'],
): Generator<Buffer> {
  if (record.kind === 'raw') yield record.bytes
  else if (record.kind === 'zero') {
    for (let left = record.length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left)
  } else {
    const kept = displaced[record.path]?.[record.generation]
    const file =
      kept === undefined
        ? openat2(tree, toPath(record.path), constants.O_RDONLY, RESOLVE_BENEATH)
        : openToRead(AT_FDCWD, `${displacedFolder}/${kept}`)
    try {
      yield* readRange(file, record)
    } finally {
      close(file)
    }
  }
}
