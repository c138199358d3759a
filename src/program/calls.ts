/**
 * A builder for each system call that programs use: `call.mount({ source, target, … })`. Argument names are those of the man
 * pages. A name that ends in `?` may be left out; the kernel is given 0.
 */

import type { SyscallName } from '../kernel/syscall-numbers.ts'
import type { Operand, Step } from './step.ts'

const SIGNATURES = {
  open_tree: ['dfd', 'filename', 'flags'],
  mount_setattr: ['dfd', 'path', 'flags', 'uattr', 'usize'],
  move_mount: ['from_dfd', 'from_pathname', 'to_dfd', 'to_pathname', 'flags'],
  fsopen: ['fs_name', 'flags'],
  fsconfig: ['fs_fd', 'cmd', 'key?', 'value?', 'aux?'],
  fsmount: ['fs_fd', 'flags', 'attr_flags'],
  mount: ['source', 'target', 'filesystemtype', 'mountflags', 'data'],
  umount2: ['target', 'flags'],
  pivot_root: ['new_root', 'put_old'],

  openat: ['dirfd', 'pathname', 'flags', 'mode?'],
  openat2: ['dirfd', 'pathname', 'how', 'size'],
  mkdirat: ['dirfd', 'pathname', 'mode'],
  mknodat: ['dirfd', 'pathname', 'mode', 'dev'],
  symlinkat: ['target', 'newdirfd', 'linkpath'],
  fchownat: ['dirfd', 'pathname', 'owner', 'group', 'flags'],
  fchown: ['fd', 'owner', 'group'],
  chdir: ['path'],
  fchdir: ['fd'],
  umask: ['mask'],
  write: ['fd', 'buf', 'count'],
  close: ['fd'],
  close_range: ['first', 'last', 'flags'],
  dup3: ['oldfd', 'newfd', 'flags'],
  ioctl: ['fd', 'op', 'argp'],
  socket: ['domain', 'type', 'protocol'],
  sendmsg: ['sockfd', 'msg', 'flags'],

  setns: ['fd', 'nstype'],
  unshare: ['flags'],
  sethostname: ['name', 'len'],
  setdomainname: ['name', 'len'],

  setsid: [],
  keyctl: ['operation', 'arg2?', 'arg3?', 'arg4?', 'arg5?'],
  prlimit64: ['pid', 'resource', 'new_limit', 'old_limit'],
  setgroups: ['size', 'list'],
  setresgid: ['rgid', 'egid', 'sgid'],
  setresuid: ['ruid', 'euid', 'suid'],
  setfsuid: ['fsuid'],
  setfsgid: ['fsgid'],
  prctl: ['op', 'arg2?', 'arg3?', 'arg4?', 'arg5?'],
  capset: ['hdrp', 'datap'],
  seccomp: ['operation', 'flags', 'args'],
  execve: ['pathname', 'argv', 'envp'],
} as const satisfies Partial<Record<SyscallName, readonly string[]>>

type Signatures = typeof SIGNATURES
type Mandatory<Name> = Name extends `${string}?` ? never : Name
type Optional<Name> = Name extends `${infer Bare}?` ? Bare : never
type Arguments<Names extends readonly string[]> = { [Name in Mandatory<Names[number]>]: Operand } & {
  [Name in Optional<Names[number]>]?: Operand
}

/** A step without its reason. */
export type Call = Pick<Step, 'call' | 'args' | 'names' | 'man'>

/** Where the page is not called as the system call is. */
const PAGES: Partial<Record<keyof Signatures, string>> = {
  umount2: 'umount(2)',
  mknodat: 'mknod(2)',
  mkdirat: 'mkdir(2)',
  openat: 'open(2)',
  symlinkat: 'symlink(2)',
  fchownat: 'chown(2)',
  fchown: 'chown(2)',
  fchdir: 'chdir(2)',
  dup3: 'dup(2)',
  sendmsg: 'send(2)',
  prlimit64: 'getrlimit(2)',
  setdomainname: 'getdomainname(2)',
  sethostname: 'gethostname(2)',
  setgroups: 'getgroups(2)',
  setresgid: 'setresuid(2)',
  capset: 'capset(2)',
}

const builder = (name: keyof Signatures) => {
  const names = SIGNATURES[name].map(written => written.replace('?', ''))
  const man = PAGES[name] ?? `${name}(2)`
  return (given: Record<string, Operand>): Call => {
    const used = names.slice(0, names.findLastIndex(argument => argument in given) + 1)
    return {
      call: name,
      args: used.map(argument => (argument in given ? (given[argument] as Operand) : 0)),
      names: used,
      man,
    }
  }
}

export const call = Object.fromEntries(
  (Object.keys(SIGNATURES) as (keyof Signatures)[]).map(name => [name, builder(name)]),
) as unknown as { [Name in keyof Signatures]: (args: Arguments<Signatures[Name]>) => Call }
