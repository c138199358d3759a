/**
 * Files by folder descriptor and name: the *at family of system calls, which never resolves a path that somebody else may
 * change meanwhile. See openat2(2), statx(2), and path_resolution(7).
 *
 * A name is a string (UTF-8), or a Buffer that ends in NUL: file names are bytes, and not every one of them is UTF-8.
 * AT_FDCWD is a descriptor like any other. All of them throw KernelError.
 */

import { constants } from 'node:fs'
import { check } from './errors.ts'
import { syscall } from './syscall.ts'

export type FileName = string | Buffer

export const AT_FDCWD = -100
export const AT_EMPTY_PATH = 0x1000
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200

// Node has no name for these two, which are the same on x86_64 and arm64.
export const O_PATH = 0o10000000
export const O_CLOEXEC = 0o2000000

/** openat2(2): how a path is resolved. */
export const RESOLVE_NO_MAGICLINKS = 0x02
export const RESOLVE_NO_SYMLINKS = 0x04
/** A path that would leave the folder fails with EXDEV. */
export const RESOLVE_BENEATH = 0x08
/** The folder is the root of all absolute names and of `..`, as in a chroot. */
export const RESOLVE_IN_ROOT = 0x10

export const RENAME_EXCHANGE = 2

const how = Buffer.alloc(24)
const EAGAIN = 11
/** A hostile container may rename without pause. It loses: a try takes microseconds, and each is as likely to succeed. */
const MAX_TRIES = 1000

/**
 * openat2(2). O_CLOEXEC is always set. With RESOLVE_IN_ROOT or RESOLVE_BENEATH the kernel gives up (EAGAIN) when anything on the
 * machine is renamed or mounted while it walks a `..`: it cannot tell then whether the path has left the root. So it is asked again.
 */
export function openat2(folder: number, name: FileName, flags: number, resolve: number, mode = 0): number {
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0)
  how.writeBigUInt64LE(BigInt(mode), 8)
  how.writeBigUInt64LE(BigInt(resolve), 16)
  let result = syscall('openat2', folder, name, how, how.length)
  for (let tries = 1; result === -EAGAIN && tries < MAX_TRIES; tries++) {
    result = syscall('openat2', folder, name, how, how.length)
  }
  return check('openat2', result, { name: text(name) })
}

/** openat(2) of one component: creates the file, which must not exist, and returns it open for writing. */
export function createAt(folder: number, name: FileName, mode: number): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC
  return check('openat', syscall('openat', folder, name, flags, mode), { name: text(name) })
}

/** Opens one component for reading without following it and without waiting for the other end of a fifo. */
export function openToRead(folder: number, name: FileName, extraFlags = 0): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC | extraFlags
  return check('openat', syscall('openat', folder, name, flags, 0), { name: text(name) })
}

/** mkdir(2) */
export const mkdirAt = (folder: number, name: FileName, mode: number): void => {
  check('mkdirat', syscall('mkdirat', folder, name, mode), { name: text(name) })
}

/** mknod(2): `mode` holds the type, S_IFCHR and the like. */
export const mknodAt = (folder: number, name: FileName, mode: number, device: bigint): void => {
  check('mknodat', syscall('mknodat', folder, name, mode, device), { name: text(name) })
}

/** The number of a device as system calls take it. See makedev(3). */
export const makeDevice = (major: number, minor: number): bigint =>
  ((BigInt(major) & 0xfffff000n) << 32n) |
  ((BigInt(major) & 0xfffn) << 8n) |
  ((BigInt(minor) & 0xffffff00n) << 12n) |
  (BigInt(minor) & 0xffn)

/** symlink(2) */
export const symlinkAt = (target: FileName, folder: number, name: FileName): void => {
  check('symlinkat', syscall('symlinkat', target, folder, name), { name: text(name) })
}

/** link(2), not following the last component of the old name. */
export const linkAt = (oldFolder: number, oldName: FileName, folder: number, name: FileName): void => {
  check('linkat', syscall('linkat', oldFolder, oldName, folder, name, 0), { old: text(oldName), name: text(name) })
}

/** unlink(2), or rmdir(2) with AT_REMOVEDIR. */
export const unlinkAt = (folder: number, name: FileName, flags = 0): void => {
  check('unlinkat', syscall('unlinkat', folder, name, flags), { name: text(name) })
}

/** rename(2) */
export const renameAt = (oldFolder: number, oldName: FileName, folder: number, name: FileName, flags = 0): void => {
  check('renameat2', syscall('renameat2', oldFolder, oldName, folder, name, flags), { name: text(name) })
}

/** What a symlink says, as bytes. */
export function readlinkAt(folder: number, name: FileName): Buffer {
  const target = Buffer.alloc(4096)
  return target.subarray(0, check('readlinkat', syscall('readlinkat', folder, name, target, target.length)))
}

/** lchown(2) */
export const chownAt = (
  folder: number,
  name: FileName,
  uid: number,
  gid: number,
  flags = AT_SYMLINK_NOFOLLOW,
): void => {
  check('fchownat', syscall('fchownat', folder, name, uid, gid, flags), { name: text(name) })
}

/** fchown(2) */
export const chown = (file: number, uid: number, gid: number): void => {
  check('fchown', syscall('fchown', file, uid, gid))
}

/** fchmod(2) */
export const chmod = (file: number, mode: number): void => {
  check('fchmod', syscall('fchmod', file, mode))
}

/** A point in time; `ns` counts upwards from `s`, also before 1970. */
export interface Timestamp {
  s: number
  ns: number
}

const times = Buffer.alloc(32)

/** utimensat(2) of a name, which is not followed; or of `file` itself if the name is null. */
export function setTimes(file: number, name: FileName | null, accessed: Timestamp, modified: Timestamp): void {
  times.writeBigInt64LE(BigInt(accessed.s), 0)
  times.writeBigInt64LE(BigInt(accessed.ns), 8)
  times.writeBigInt64LE(BigInt(modified.s), 16)
  times.writeBigInt64LE(BigInt(modified.ns), 24)
  const flags = name === null ? 0 : AT_SYMLINK_NOFOLLOW
  check('utimensat', syscall('utimensat', file, name, times, flags), { name: name === null ? '' : text(name) })
}

export interface FileStatus {
  /** With the type: S_IFMT. */
  mode: number
  uid: number
  gid: number
  links: number
  inode: bigint
  size: number
  /** Of 512 bytes. */
  blocks: number
  modified: Timestamp
  /** `major:minor` of the file system, as in /proc/self/mountinfo. */
  fileSystem: string
  /** Of a device node. */
  major: number
  minor: number
}

export const STATX_BASIC_STATS = 0x7ff
export const STATX_SIZE = 256
export const STATX_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | 0x4000 /* AT_STATX_DONT_SYNC */
const status = Buffer.alloc(STATX_SIZE)

/** statx(2) of a name, which is not followed; '' stands for the descriptor itself. */
export function statAt(folder: number, name: FileName): FileStatus {
  check('statx', syscall('statx', folder, name, STATX_FLAGS, STATX_BASIC_STATS, status), { name: text(name) })
  return decodeStatus(status)
}

/** struct statx in include/uapi/linux/stat.h. In halves of 32 bits: a BigInt costs more than the rest, and there is one here for each file. */
export const decodeStatus = (statx: Buffer, at = 0): FileStatus => ({
  links: statx.readUInt32LE(at + 16),
  uid: statx.readUInt32LE(at + 20),
  gid: statx.readUInt32LE(at + 24),
  mode: statx.readUInt16LE(at + 28),
  inode: statx.readBigUInt64LE(at + 32),
  size: statx.readUInt32LE(at + 40) + statx.readUInt32LE(at + 44) * WORD,
  blocks: statx.readUInt32LE(at + 48) + statx.readUInt32LE(at + 52) * WORD,
  modified: { s: statx.readUInt32LE(at + 112) + statx.readInt32LE(at + 116) * WORD, ns: statx.readUInt32LE(at + 120) },
  major: statx.readUInt32LE(at + 128),
  minor: statx.readUInt32LE(at + 132),
  fileSystem: fileSystemOf(statx.readUInt32LE(at + 136), statx.readUInt32LE(at + 140)),
})

const WORD = 0x1_0000_0000

let lastFileSystem = { major: -1, minor: -1, name: '' }

/** Mostly the same as the last time. */
function fileSystemOf(major: number, minor: number): string {
  if (lastFileSystem.major !== major || lastFileSystem.minor !== minor) {
    lastFileSystem = { major, minor, name: `${major}:${minor}` }
  }
  return lastFileSystem.name
}

/** close(2). An error here has no consequence that the caller could draw: the descriptor is gone in any case. */
export const close = (file: number): void => {
  syscall('close', file)
}

/** dup(2), with O_CLOEXEC. */
export const duplicate = (file: number): number => check('fcntl', syscall('fcntl', file, F_DUPFD_CLOEXEC, 0), { file })

const F_DUPFD_CLOEXEC = 1030

const CLONE_FS = 0x200

const SYNC_FILE_RANGE_WRITE = 2

/**
 * sync_file_range(2): the kernel begins to write this range of an open file to the disk, and nobody waits for it. A later syncfs(2) then
 * has little left to do; it alone says that anything is durable. Where the file system cannot, nothing happens.
 */
export const beginWriting = (file: number, offset: number, length: number): void => {
  syscall('sync_file_range', file, offset, length, SYNC_FILE_RANGE_WRITE)
}

/** syncfs(2): everything that was written to the file system of this folder is on the disk when it returns. Shell: `sync -f PATH` */
export function syncFileSystem(path: string): void {
  const folder = openToRead(AT_FDCWD, path, constants.O_DIRECTORY)
  try {
    check('syncfs', syscall('syncfs', folder), { path })
  } finally {
    close(folder)
  }
}

/**
 * Gives the calling thread a file mode mask of its own, of 0, so that what it makes has exactly the modes it asks for.
 * For worker threads: the mask belongs to the process otherwise. See unshare(2), umask(2).
 */
export function useOwnUmask(): void {
  check('unshare', syscall('unshare', CLONE_FS), { flags: 'CLONE_FS' })
  syscall('umask', 0)
}

const text = (name: FileName): string => (typeof name === 'string' ? name : name.subarray(0, -1).toString())
