/** Paths of the user's machine as compose files write them. */

import { isAbsolute, resolve } from 'node:path'
import type { Position } from '../source/node.ts'
import { type Decoder, string } from './decode.ts'

/** Relative to the folder of the file that says it; `~` is the user's own. */
export function localPath(path: string, at: Position): string {
  if (path === '~' || path.startsWith('~/')) return (at.source.home ?? '/root') + path.slice(1)
  return isAbsolute(path) ? path : resolve(at.source.folder, path)
}

export const file: Decoder<string> = (node, path) => localPath(string(node, path), node.at)

/** A build's context that is not a folder here. */
export const isRemote = (context: string): boolean =>
  /^(https?|git|ssh|docker-image|service|target|oci-layout):|^git@|^github\.com\//.test(context)
