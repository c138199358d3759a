/** What an archive says about one file: the common ground of all tar dialects. */

import type { Timestamp } from '../../kernel/files.ts'
import type { ByteString } from './byte-string.ts'

export type EntryKind = 'file' | 'folder' | 'symlink' | 'link' | 'character' | 'block' | 'fifo'

/** A run of bytes that a sparse file has; between runs it reads as zeros. */
export interface Extent {
  offset: number
  length: number
}

export interface Entry {
  kind: EntryKind
  /** As the archive has it: may be absolute, may climb. */
  name: ByteString
  /** Permission bits with setuid, setgid and sticky. */
  mode: number
  uid: number
  gid: number
  modified: Timestamp
  /** Defaults to `modified`. */
  accessed: Timestamp | undefined
  /** The target of a symlink, or the earlier name of a hard link. */
  target: ByteString
  major: number
  minor: number
  xattrs: Map<string, Buffer>
  /** Bytes of content that follow in the archive. */
  storedSize: number
  /** Bytes of the file itself: more than stored if it is sparse. */
  size: number
  /** Where the stored bytes belong; undefined for a file without holes. */
  extents: Extent[] | undefined
}

export const BLOCK = 512

/** Bytes of padding after a content. */
export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK
