/**
 * The vocabulary of layers and roots.
 *
 * A LAYER is the folder of files that one archive of an image unpacks to. A CHAIN is the stack of layers that an image is made
 * of, lowest first; each place in it is named by its ChainId, which depends on everything below. A ROOT is what a container
 * sees as /: a chain, and on top of it an upper folder of its own. A mount is data: this room says which one is needed, the
 * container's program (or openMerged, for the daemon itself) performs it.
 *
 * Digests: OCI image specification, config.md, "Layer DiffID" and "Layer ChainID".
 */

import type { Readable } from 'node:stream'
import type { IdMap } from '../kernel/namespaces.ts'
import type { FrozenFolders, FrozenName } from './frozen.ts'

declare const brand: unique symbol

/** `sha256:` and 64 hexadecimal digits: of the bytes as they are stored or transferred. */
export type Digest = string & { readonly [brand]: 'Digest' }
/** The digest of a layer's uncompressed archive. */
export type DiffId = string & { readonly [brand]: 'DiffId' }
/** The identity of a layer on top of certain others. */
export type ChainId = string & { readonly [brand]: 'ChainId' }

/** The deepest chain that skiff takes. Above it the options of mount(2) would leave their page on some hosts. */
export const MAX_LAYERS = 125

export type RootMount =
  | {
      kind: 'overlay'
      /** Absolute. Stand here (fchdir) when mounting: `lower` is relative to it, so that 125 layers fit into one page. */
      layersDir: string
      /** The names of the layers, topmost first, as overlay's lowerdir wants them; never empty, each only once. */
      lower: string[]
      /** How many of these, from the top, are frozen folders of snapshots and not the image's; missing for none. */
      frozen?: number
      /** Absolute. */
      upper: string
      /** Absolute; on the same file system as upper. */
      work: string
    }
  /** A folder with a copy of everything, where overlay cannot be had; the layers are those of the image that it began as. */
  | { kind: 'plain'; path: string; layersDir: string; lower: string[] }

/** Docker's names for how roots are made: by overlay, or by copies. */
export type StorageDriver = 'overlay2' | 'vfs'

/** One line of `docker diff`. */
export interface Change {
  kind: 'changed' | 'added' | 'deleted'
  /** Absolute within the root. */
  path: string
}

/** In bytes, as du(1) counts: file sizes, each hard-linked file once. */
export interface RootUsage {
  /** What the upper folder holds, and the frozen ones that are nobody else's. */
  writable: number
  /** With all layers below. */
  total: number
}

/** A stream that need not come through this thread. It is either read or sent. */
export interface Sendable extends Readable {
  /**
   * Sends all of it to a socket as chunks of HTTP (RFC 9112, section 7.1) but the last, empty one. Until it ends nobody else may
   * write to the socket, whose descriptor is duplicated. @throws KernelError EPIPE, and what reading would throw
   */
  sendTo(socket: number, signal: AbortSignal): Promise<void>
}

export interface Snapshots {
  /**
   * Makes upper and work folder for a container. The upper's own owner, mode and times are those of the chain's root folder.
   * `frozen`: folders of a snapshot that it stands on, topmost first, which stand on the chain.
   * @throws Unavailable if a layer is missing, Conflict if the container has a root already
   */
  prepare(containerId: string, chain: readonly ChainId[], frozen?: readonly FrozenName[]): Promise<RootMount>
  /** The mount of a root made earlier, also by a daemon that ran before this one. @throws NotFound, Unavailable (damaged layers) */
  root(containerId: string): Promise<RootMount>
  /** Whose roots there are, damaged ones too. */
  owners(): string[]
  /** Nothing was written to a root since it was made. */
  isUntouched(containerId: string): Promise<boolean>
  /** Writes down anew what a root stands on (the topmost chain; '' for none), where a power cut took it. Nothing happens where it is known. */
  repair(containerId: string, top: ChainId | ''): Promise<void>
  /** Moves a root whose container is lost to where damaged things are kept. */
  putAside(containerId: string, why: string): Promise<void>
  /** Deletes a container's upper and work folder. Nothing happens if there are none. */
  remove(containerId: string): Promise<void>
  /**
   * A merged view of a root as a detached mount: an O_CLOEXEC file descriptor of its root folder, which the caller closes.
   * Nobody's mount table shows it. Resolve names in it with openat2(RESOLVE_IN_ROOT).
   * Writable while no container runs on the same root (two overlays on one upper folder are undefined behaviour):
   * ask with `writable` only then; otherwise use the running container's own root (/proc/PID/root).
   */
  openMerged(root: RootMount, options?: { writable?: boolean }): number
  /** The frozen folders that a root stands on, topmost first. */
  frozenOf(containerId: string): readonly FrozenName[]
  /**
   * Takes what was written to a root of which nothing runs as a frozen folder, and gives the root a new upper folder on top of it.
   * Where roots are copies, another copy is made. Answers what it stands on then. @throws Conflict if it stands on too many
   */
  freeze(containerId: string): Promise<readonly FrozenName[]>
  /**
   * What was written to a root of which nothing runs, as one frozen folder that can be a layer, too: it is frozen if it is not yet.
   * Undefined where that cannot be, and nothing is changed.
   */
  share(containerId: string): Promise<FrozenName | undefined>
  /** Takes the last freeze() back, of a root that nothing was written to since. `below`: what it stood on before. */
  unfreeze(containerId: string, below: readonly FrozenName[]): Promise<void>
  /** The same point as a copy, whatever runs on the root; answers what such a root stands on. Call frozen.made() when it is recorded. */
  copyFrozen(containerId: string): Promise<readonly FrozenName[]>
  /** Drops what was written to a root of which nothing runs; it stands on these then. */
  reset(containerId: string, frozen: readonly FrozenName[]): Promise<RootMount>
  readonly frozen: FrozenFolders
  /** How roots are made here. */
  readonly driver: StorageDriver
  /** Makes a folder that is not there yet a copy of another one: owners, times, attributes, links, holes. */
  copyFolder(from: string, to: string): Promise<void>
  /** Writes all of the folder's file system to the disk. */
  sync(folder: string): Promise<void>
  /** Bytes of the files in a folder. */
  sizeOf(folder: string): Promise<number>
  /** Deletes layers that nobody uses any more. */
  sweep(): Promise<void>
  /** What `docker diff` shows, sorted by path. */
  changes(root: RootMount): Promise<Change[]>
  /** What was written above the image as one upper folder, for as long as `use` takes. */
  withWritten<T>(root: RootMount & { kind: 'overlay' }, use: (upper: string) => Promise<T>): Promise<T>
  /** The upper folder as a layer's archive (uncompressed tar; whiteouts as `.wh.` files). */
  packDiff(root: RootMount): Readable
  /** The whole tree as `docker export` gives it (uncompressed tar). */
  packTree(root: RootMount): Sendable
  /** `isShared`: a frozen folder is somebody else's, as a snapshot's. */
  usage(root: RootMount, isShared?: (name: FrozenName) => boolean): Promise<RootUsage>
}

/** What `docker cp` sends and receives. Names are resolved by the kernel, within the folder that `root` is. */
export interface Archives {
  /**
   * A tar of the file or folder at `path`, resolved beneath `root` (symlinks stay inside); its entries are named `as`, `as/…`.
   * The last component is not followed if it is a symlink. The descriptor is duplicated: the caller may close its own at once.
   * `ids`: the files are shown as a user namespace's; the archive has the ids inside.
   * @throws NotFound
   */
  pack(root: number, path: string, as: string, ids?: IdMap | null): Sendable
  /**
   * Unpacks an archive (any compression) into the existing folder at `path` beneath `root`.
   * @throws NotFound, InvalidParameter (a broken or hostile archive), Conflict (a folder over a file or the reverse, unless allowed)
   */
  unpack(root: number, path: string, archive: Readable, options?: UnpackOptions): Promise<void>
}

export interface UnpackOptions {
  /** The archive's ids, and the owner's, are those inside a user namespace; the files get those that they are outside. */
  ids?: IdMap | null
  /** Refuse to put a folder in the place of a file, and the reverse (`noOverwriteDirNonDir`). */
  keepKind?: boolean
  /** Give everything to this owner, in place of the archive's. */
  owner?: { uid: number; gid: number }
}
