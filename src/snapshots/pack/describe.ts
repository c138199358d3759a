/** What an archive says of a file. */

import { constants } from 'node:fs'
import { type FileStatus, readlinkAt } from '../../kernel/files.ts'
import { listXattrs } from '../../kernel/xattr.ts'
import { type ByteString, fromBytes, joinPath, splitPath } from '../tar/byte-string.ts'
import type { Entry, EntryKind } from '../tar/entry.ts'
import type { Found } from '../walk.ts'
import { isLayerMark, WHITEOUT_PREFIX } from '../whiteouts.ts'

const NOTHING = '' as ByteString

const KINDS = new Map<number, EntryKind>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'folder'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFCHR, 'character'],
  [constants.S_IFBLK, 'block'],
  [constants.S_IFIFO, 'fifo'],
])

/** undefined: no archive has such a file. */
export const kindOf = ({ mode }: FileStatus): EntryKind | undefined => KINDS.get(mode & constants.S_IFMT)

/** An entry for a file, without its content. */
export function describe({ folder, name, path, status }: Found, kind: EntryKind): Entry {
  return entryOf({
    kind,
    name: path,
    ...ownerOf(status),
    target: kind === 'symlink' ? fromBytes(readlinkAt(folder, name)) : NOTHING,
    major: kind === 'character' || kind === 'block' ? status.major : 0,
    minor: kind === 'character' || kind === 'block' ? status.minor : 0,
    xattrs: onlyPortable(listXattrs(folder, name)),
  })
}

/**
 * Attributes that mean the same elsewhere. Marks are this one layer's, and labels of SELinux and the like belong to the
 * container that runs.
 */
export function onlyPortable(xattrs: Map<string, Buffer>): Map<string, Buffer> {
  for (const attribute of xattrs.keys()) {
    const isPortable = /^(user|trusted)\.|^security\.capability$|^system\.posix_acl_/.test(attribute)
    if (!isPortable || isLayerMark(attribute)) xattrs.delete(attribute)
  }
  return xattrs
}

export function whiteoutEntry(path: ByteString, { modified }: Pick<FileStatus, 'modified'>): Entry {
  const { folder, name } = splitPath(path)
  return entryOf({ kind: 'file', name: joinPath(folder, `${WHITEOUT_PREFIX}${name}` as ByteString), modified })
}

export const entryOf = (known: Pick<Entry, 'kind' | 'name' | 'modified'> & Partial<Entry>): Entry => ({
  mode: 0o600,
  uid: 0,
  gid: 0,
  accessed: undefined,
  target: NOTHING,
  major: 0,
  minor: 0,
  xattrs: new Map(),
  storedSize: 0,
  size: 0,
  extents: undefined,
  ...known,
})

export const ownerOf = ({
  mode,
  uid,
  gid,
  modified,
}: FileStatus): Pick<Entry, 'mode' | 'uid' | 'gid' | 'modified'> => ({
  mode: mode & 0o7777,
  uid,
  gid,
  modified,
})
