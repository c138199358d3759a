/** What each layer of a stack does to the ones below, and what is hidden of it by those above. */

import { type ByteString, splitPath } from './tar/byte-string.ts'
import { isFileStatus, isFolderStatus, walk } from './walk.ts'
import { isOpaque, isWhiteout } from './whiteouts.ts'

export interface LayerSummary {
  /** Files and folders. */
  added: number
  changed: number
  deleted: number
  /** Bytes of files in it that layers above hide. */
  hidden: number
}

interface Item {
  path: ByteString
  kind: 'file' | 'folder' | 'opaque' | 'whiteout'
  size: number
}

/** `folders` are open layers, lowest first. */
export function describeLayers(folders: number[]): LayerSummary[] {
  const layers = folders.map(folder => [...itemsOf(folder)])
  const summaries = countChanges(layers)
  const covered = new Map<ByteString, Item['kind']>()
  for (let index = layers.length - 1; index >= 0; index--) {
    const items = layers[index]!
    for (const { path, kind, size } of items) {
      if (kind === 'file' && isCovered(covered, path)) summaries[index]!.hidden += size
    }
    for (const { path, kind } of items) if (kind !== 'folder' || !covered.has(path)) covered.set(path, kind)
  }
  return summaries
}

function* itemsOf(folder: number): Generator<Item> {
  for (const { folder: parent, name, path, status } of walk(folder)) {
    if (isWhiteout(status)) yield { path, kind: 'whiteout', size: 0 }
    else if (isFolderStatus(status)) yield { path, kind: isOpaque(parent, name) ? 'opaque' : 'folder', size: 0 }
    else yield { path, kind: 'file', size: isFileStatus(status) ? status.size : 0 }
  }
}

/** Something above has the same name, or has taken away a folder on the way to it. */
function isCovered(covered: ReadonlyMap<ByteString, Item['kind']>, path: ByteString): boolean {
  if (covered.has(path)) return true
  for (let { folder } = splitPath(path); folder !== ''; folder = splitPath(folder).folder) {
    const kind = covered.get(folder)
    if (kind !== undefined && kind !== 'folder') return true
  }
  return false
}

function countChanges(layers: Item[][]): LayerSummary[] {
  const present = new Set<ByteString>()
  return layers.map(items => {
    const summary: LayerSummary = { added: 0, changed: 0, deleted: 0, hidden: 0 }
    for (const { path, kind } of items) {
      if (kind === 'whiteout') {
        if (present.has(path)) summary.deleted++
        removeBeneath(present, path)
        present.delete(path)
        continue
      }
      if (kind === 'opaque') removeBeneath(present, path)
      if (!present.has(path)) summary.added++
      // A folder stands in a layer also when only something in it has changed.
      else if (kind === 'file') summary.changed++
      present.add(path)
    }
    return summary
  })
}

function removeBeneath(present: Set<ByteString>, folder: ByteString): void {
  for (const path of present) if (path.startsWith(`${folder}/`)) present.delete(path)
}
