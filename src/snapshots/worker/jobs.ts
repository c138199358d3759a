/** What the threads can do. A job's parameters and result are plain data. */

import { syncFileSystem } from '../../kernel/files.ts'
import type { IdMap } from '../../kernel/namespaces.ts'
import { bytesIn, changesBetween, changesOf } from '../changes.ts'
import { type CopyRequest, copyInto, makeFolderIn } from '../copy/copy.ts'
import { removeIgnored } from '../copy/ignore.ts'
import { findSources, type SourceQuery, type Sources } from '../copy/sources.ts'
import { type Tree, withTree } from '../copy/tree.ts'
import { describeLayers, type LayerSummary } from '../describe-layers.ts'
import { type ListedFile, packList } from '../file-list.ts'
import type { MergeBy } from '../merge.ts'
import { mergeUppers } from '../merge-uppers.ts'
import { packTree } from '../pack/tree.ts'
import { readPieces } from '../pieces.ts'
import { decompress } from '../tar/decompress.ts'
import type { Change, RootMount, UnpackOptions } from '../types.ts'
import type { LayerContents } from '../unpack/layer.ts'
import { sealLayer } from '../unpack/seal.ts'
import { type FrozenLayer, isShareable, readFrozen } from './frozen-jobs.ts'
import {
  adoptUpper,
  type ExpectedArchive,
  type GivenUpper,
  giveUpper,
  type LayerFolders,
  takeLayer,
  type UnpackedLayer,
  unpackLayerArchive,
} from './layer-jobs.ts'
import { copyFolder, copyLayers, packCopy, withView } from './plain-jobs.ts'
import { type ArchivePart, repeatParts } from './repeat-jobs.ts'
import type { Output, Receiver } from './streams.ts'
import {
  packBeneath,
  packMerged,
  packUpper,
  sendAll,
  unpackBeneath,
  withFolder,
  withFolders,
  withLayers,
  withReadable,
} from './tree-jobs.ts'

/** Each job by its name. Those that take an archive or give one do so as a stream. */
export interface Jobs {
  /** Takes an archive of any compression. */
  unpackLayer: { parameters: { folders: LayerFolders; expected: ExpectedArchive }; result: UnpackedLayer }
  /** Completes an unpacked layer with what it relies on in those below. */
  sealLayer: {
    parameters: { tree: string; layersDir: string; lower: string[]; contents: LayerContents; scratch: string | null }
    result: unknown
  }
  /** Fills a folder with a copy of what layers show. */
  copyLayers: { parameters: { layersDir: string; lower: string[]; target: string; by?: MergeBy }; result: unknown }
  /** Makes a layer of an upper folder. */
  commitUpper: { parameters: { upper: string; folders: LayerFolders }; result: UnpackedLayer }
  /** The same in two halves that run at once: one reads and hashes, the other writes. */
  giveUpper: { parameters: { upper: string }; result: GivenUpper }
  takeLayer: { parameters: { folders: LayerFolders }; result: LayerContents }
  /** Turns an upper folder into a layer: it is moved. */
  adoptUpper: { parameters: { upper: string; folders: LayerFolders; latest: number | null }; result: UnpackedLayer }
  /** Makes a layer of a frozen folder where it lies. */
  readFrozen: { parameters: { folder: string; tape: string }; result: FrozenLayer }
  isShareable: { parameters: { folder: string }; result: boolean }
  /** Fills a folder, which must be empty, with links to what upper folders say together of the layers below; topmost first. */
  mergeUppers: {
    parameters: { uppers: string[]; target: string; layersDir: string; lower: string[] }
    result: unknown
  }
  /** Makes a folder that is not there yet, as a copy of another one. `marks`: it is an upper folder. */
  copyTree: { parameters: { from: string; to: string; marks: boolean }; result: unknown }
  findSources: { parameters: SourceQuery; result: Sources }
  copyInto: { parameters: CopyRequest; result: unknown }
  makeFolderIn: { parameters: { into: RootMount; path: string; owner: CopyRequest['owner'] }; result: unknown }
  /** Gives a tree. */
  packTreeOf: { parameters: { tree: Tree }; result: unknown }
  removeIgnored: { parameters: { folder: string; patterns: string[]; names: string[] }; result: unknown }
  /** Makes a layer of a list of files. */
  buildLayer: { parameters: { files: ListedFile[]; folders: LayerFolders }; result: UnpackedLayer }
  /** Gives archives that layers were unpacked from, and what is to stand between them. */
  repeatParts: { parameters: { parts: ArchivePart[] }; result: unknown }
  /** Gives the upper folder as a layer's archive. */
  packUpper: { parameters: { upper: string }; result: unknown }
  /** Gives as a layer's archive what has changed in a copy of layers. */
  packCopy: { parameters: { root: RootMount & { kind: 'plain' }; scratch: string }; result: unknown }
  /** Gives all of a root. */
  packMerged: { parameters: { root: RootMount }; result: unknown }
  /** Gives one file or folder of a root, whose descriptor the job takes over. */
  packBeneath: { parameters: { root: number; path: string; as: string; ids: IdMap | null }; result: unknown }
  /** Takes an archive of any compression, and a root's descriptor. */
  unpackBeneath: { parameters: { root: number; path: string; options: UnpackOptions }; result: unknown }
  changes: { parameters: { root: RootMount; scratch: string }; result: Change[] }
  /** Writes all of the folder's file system to the disk. */
  syncFileSystem: { parameters: { folder: string }; result: unknown }
  /** Bytes of the files in a folder. */
  bytesIn: { parameters: { folder: string }; result: number }
  /** Of a stack of layers, lowest first. */
  describeLayers: { parameters: { trees: string[] }; result: LayerSummary[] }
  /** Takes and gives a stream. */
  decompress: { parameters: object; result: unknown }
}

export type JobKind = keyof Jobs

type Implementation<K extends JobKind> = (
  parameters: Jobs[K]['parameters'],
  input: Receiver,
  output: Output,
) => Promise<Jobs[K]['result']>

export const JOBS: { [K in JobKind]: Implementation<K> } = {
  unpackLayer: ({ folders, expected }, input) => unpackLayerArchive(folders, expected, input),
  sealLayer: ({ tree, layersDir, lower, contents, scratch }) =>
    withView(layersDir, lower, scratch, below => withFolder(tree, layer => sealLayer(layer, below, contents))),
  copyLayers: ({ layersDir, lower, target, by }) => copyLayers(layersDir, lower, target, by),
  commitUpper: ({ upper, folders }) =>
    withFolder(upper, async folder => {
      const layer = await unpackLayerArchive(folders, {}, readPieces(packTree(folder, { asLayer: true })))
      return { ...layer, contents: { ...layer.contents, size: bytesIn(folder) } }
    }),
  giveUpper: ({ upper }, _, output) => giveUpper(upper, output),
  takeLayer: ({ folders }, input) => takeLayer(folders, input),
  adoptUpper: ({ upper, folders, latest }) => adoptUpper(upper, folders, latest),
  readFrozen: ({ folder, tape }) => readFrozen(folder, tape),
  isShareable: ({ folder }) => isShareable(folder),
  mergeUppers: ({ uppers, target, layersDir, lower }) =>
    withLayers(layersDir, lower, below =>
      withFolders(uppers, above => withReadable(target, folder => mergeUppers(above, folder, below))),
    ),
  copyTree: ({ from, to, marks }) => copyFolder(from, to, marks),
  findSources,
  copyInto,
  makeFolderIn: ({ into, path, owner }) => makeFolderIn(into, path, owner),
  packTreeOf: ({ tree }, _, output) => withTree(tree, root => sendAll(packTree(root, { asLayer: false }), output)),
  removeIgnored: ({ folder, patterns, names }) => removeIgnored(folder, patterns, names),
  buildLayer: ({ files, folders }) => unpackLayerArchive(folders, {}, packList(files)),
  repeatParts: ({ parts }, _, output) => repeatParts(parts, output),
  packUpper: ({ upper }, _, output) => packUpper(upper, output),
  packCopy: ({ root, scratch }, _, output) => packCopy(root, scratch, output),
  packMerged: ({ root }, _, output) => packMerged(root, output),
  packBeneath: ({ root, path, as, ids }, _, output) => packBeneath(root, path, as, ids, output),
  unpackBeneath: ({ root, path, options }, input) => unpackBeneath(root, path, input, options),
  changes: ({ root, scratch }) =>
    root.kind === 'plain'
      ? withView(root.layersDir, root.lower, scratch, below =>
          withFolder(root.path, tree => changesBetween(tree, below)),
        )
      : withLayers(root.layersDir, root.lower, below => withFolder(root.upper, upper => changesOf(upper, below))),
  syncFileSystem: async ({ folder }) => syncFileSystem(folder),
  bytesIn: ({ folder }) => withFolder(folder, bytesIn),
  describeLayers: ({ trees }) => withFolders(trees, describeLayers),
  decompress: async (_, input, output) =>
    sendAll((await decompress(input, chunk => input.recycle(chunk))).content, output),
}
