/**
 * The constants of system calls, by the names that their man pages use: a listing shows the names, the kernel gets the sum.
 * Sources: the kernel's include/uapi/linux/{mount,fcntl,openat2,sched,prctl,seccomp,keyctl}.h and asm-generic/{ioctls,fcntl}.h.
 */

import { arch } from 'node:process'
import type { Flags } from './step.ts'

/** A function that joins names of one table to flags: `MS('MS_REC', 'MS_PRIVATE')`. */
const named =
  <Name extends string>(table: Record<Name, number>) =>
  (...names: Name[]): Flags => ({
    kind: 'flags',
    // Not the operator |, which would make 1 << 31 negative.
    value: names.reduce((sum, name) => sum + table[name], 0),
    shown: names.join('|') || '0',
  })

/** A file mode as one writes it: 0755. */
export const octal = (mode: number): Flags => ({
  kind: 'flags',
  value: mode,
  shown: mode === 0 ? '0' : `0${mode.toString(8)}`,
})

/** A word with bits of its own, shown in hexadecimal. */
export const hex = (value: number): Flags => ({ kind: 'flags', value, shown: `0x${value.toString(16)}` })

/** arm64 keeps the old ARM values for these two; every other architecture of ours is x86. */
const O_OF_ARCH =
  arch === 'arm64' ? { O_DIRECTORY: 0o40000, O_NOFOLLOW: 0o100000 } : { O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000 }

export const O = named({
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_NOCTTY: 0o400,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
  O_DIRECTORY: O_OF_ARCH.O_DIRECTORY,
  O_NOFOLLOW: O_OF_ARCH.O_NOFOLLOW,
})

export const RESOLVE = named({
  RESOLVE_NO_XDEV: 0x01,
  RESOLVE_NO_MAGICLINKS: 0x02,
  RESOLVE_NO_SYMLINKS: 0x04,
  RESOLVE_BENEATH: 0x08,
  RESOLVE_IN_ROOT: 0x10,
})

/** dirfd and flags of the *at calls. */
export const AT_FDCWD: Flags = { kind: 'flags', value: -100, shown: 'AT_FDCWD' }

/** open_tree(2) takes its own flags and those of the *at calls. */
export const OPEN_TREE = named({
  OPEN_TREE_CLONE: 1,
  OPEN_TREE_CLOEXEC: 0o2000000,
  AT_EMPTY_PATH: 0x1000,
  AT_RECURSIVE: 0x8000,
  AT_SYMLINK_NOFOLLOW: 0x100,
})
export const AT = named({ AT_EMPTY_PATH: 0x1000, AT_RECURSIVE: 0x8000, AT_SYMLINK_NOFOLLOW: 0x100 })
export const MOVE_MOUNT = named({ MOVE_MOUNT_F_EMPTY_PATH: 0x04, MOVE_MOUNT_T_EMPTY_PATH: 0x40 })

export const FSOPEN = named({ FSOPEN_CLOEXEC: 1 })
export const FSMOUNT = named({ FSMOUNT_CLOEXEC: 1 })
export const FSCONFIG = named({ FSCONFIG_SET_FLAG: 0, FSCONFIG_SET_STRING: 1, FSCONFIG_CMD_CREATE: 6 })

export const MS = named({
  MS_RDONLY: 1,
  MS_BIND: 4096,
  MS_REC: 16384,
  MS_PRIVATE: 1 << 18,
  MS_SLAVE: 1 << 19,
  MS_SHARED: 1 << 20,
})
export const MNT = named({ MNT_DETACH: 2 })

export const MOUNT_ATTR = named({
  MOUNT_ATTR_RDONLY: 0x01,
  MOUNT_ATTR_NOSUID: 0x02,
  MOUNT_ATTR_NODEV: 0x04,
  MOUNT_ATTR_NOEXEC: 0x08,
  MOUNT_ATTR__ATIME: 0x70,
  MOUNT_ATTR_RELATIME: 0x00,
  MOUNT_ATTR_NOATIME: 0x10,
  MOUNT_ATTR_STRICTATIME: 0x20,
  MOUNT_ATTR_NODIRATIME: 0x80,
  MOUNT_ATTR_IDMAP: 0x100000,
  MOUNT_ATTR_NOSYMFOLLOW: 0x200000,
})

export const CLONE_TABLE = {
  CLONE_NEWNS: 0x00020000,
  CLONE_NEWCGROUP: 0x02000000,
  CLONE_NEWUTS: 0x04000000,
  CLONE_NEWIPC: 0x08000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
}
export type CloneFlag = keyof typeof CLONE_TABLE
export const CLONE = named(CLONE_TABLE)

const S_IF = { c: 0o020000, b: 0o060000, p: 0o010000, f: 0o100000 } as const
const S_IF_NAMES = { c: 'S_IFCHR', b: 'S_IFBLK', p: 'S_IFIFO', f: 'S_IFREG' } as const

/** The mode argument of mknod(2): a type and permissions. */
export const nodeMode = (type: keyof typeof S_IF, permissions: number): Flags => ({
  kind: 'flags',
  value: S_IF[type] | permissions,
  shown: `${S_IF_NAMES[type]}|${octal(permissions).shown}`,
})

/** makedev(3), in the kernel's encoding for mknod(2): 12 bits of major between 20 bits of minor. */
export const device = (major: number, minor: number): Flags => ({
  kind: 'flags',
  value: (minor & 0xff) + major * 0x100 + (minor >>> 8) * 0x100000,
  shown: `makedev(${major}, ${minor})`,
})

export const PR = named({
  PR_SET_DUMPABLE: 4,
  PR_SET_KEEPCAPS: 8,
  PR_CAPBSET_DROP: 24,
  PR_SET_SECUREBITS: 28,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
})
export const SECBIT = named({ SECBIT_NO_SETUID_FIXUP: 4 })
export const PR_CAP_AMBIENT = named({ PR_CAP_AMBIENT_RAISE: 2, PR_CAP_AMBIENT_CLEAR_ALL: 4 })

export const SECCOMP = named({ SECCOMP_SET_MODE_FILTER: 1 })
export const SECCOMP_FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
} as const
export const SECCOMP_FLAG = named(SECCOMP_FLAGS)

export const KEYCTL = named({ KEYCTL_JOIN_SESSION_KEYRING: 1, KEYCTL_SETPERM: 5 })

export const IOCTL = named({
  TIOCSCTTY: 0x540e,
  TIOCSWINSZ: 0x5414,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTPEER: 0x5441,
  SIOCSIFFLAGS: 0x8914,
})

export const AF = named({ AF_INET: 2 })
export const SOCK = named({ SOCK_DGRAM: 2, SOCK_CLOEXEC: 0o2000000 })

export const RLIMITS = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
} as const
export type RlimitName = keyof typeof RLIMITS
export const RLIMIT = named(RLIMITS)

/** How a flag word would be written, given its table: `CLONE_NEWNS|CLONE_NEWPID`. */
export function namesOf(table: Record<string, number>, value: number): string {
  const names = Object.entries(table).filter(([, bit]) => bit !== 0 && (value & bit) === bit)
  return names.map(([name]) => name).join('|') || '0'
}
