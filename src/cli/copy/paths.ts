/**
 * What `cp SOURCE TARGET` means, from what the two are. Source: the rules in Docker's documentation of cp, which are those
 * of cp(1) with -a: `dir` is copied as a whole, `dir/.` means what is in it.
 */

import { posix } from 'node:path'

export interface SourceInfo {
  readonly path: string
  readonly isDirectory: boolean
}

export interface TargetInfo {
  readonly path: string
  readonly exists: boolean
  readonly isDirectory: boolean
}

export interface Plan {
  /** The existing folder in which the archive is unpacked. */
  readonly folder: string
  /** The first component of each name in the archive, and what becomes of it. */
  readonly rename: { readonly from: string; readonly to: string } | undefined
}

/** The name under which an archive of this path has it: '.' for `dir/.`. */
export function entryName(path: string): string {
  if (/(^|\/)\.$/.test(path)) return '.'
  return posix.basename(posix.normalize(path)) || '/'
}

/** @throws Error in Docker's words when one cannot be copied to the other */
export function planCopy(source: SourceInfo, target: TargetInfo): Plan {
  const to = entryName(target.path)
  const folder = posix.dirname(posix.normalize(target.path).replace(/(.)\/+$/, '$1'))
  const rename = { from: entryName(source.path), to }
  if (target.exists && target.isDirectory) return { folder: target.path, rename: undefined }
  if (target.exists && source.isDirectory) throw new Error('cannot copy directory')
  if (!target.exists && !source.isDirectory && /\/\.?$/.test(target.path)) throw new Error('no such directory')
  return { folder, rename }
}

/** `passwd` → `shadow`, `dir/a` → `other/a`. */
export function renamed(name: string, rename: Plan['rename']): string {
  const clean = posix.normalize(name).replace(/(.)\/$/, '$1')
  if (!rename) return clean
  if (clean === rename.from) return rename.to
  const inside =
    rename.from === '.' ? clean : clean.startsWith(`${rename.from}/`) ? clean.slice(rename.from.length + 1) : undefined
  return inside === undefined ? clean : posix.join(rename.to, inside)
}

/** `CONTAINER:PATH`, or undefined for a local path (which may contain a colon after a slash). */
export function splitArgument(text: string): { container: string; path: string } | undefined {
  if (text.startsWith('/') || text.startsWith('.')) return undefined
  const colon = text.indexOf(':')
  return colon <= 0 ? undefined : { container: text.slice(0, colon), path: text.slice(colon + 1) }
}
