/**
 * Network and user namespaces from the outside: see namespaces(7), setns(2). JavaScript never stands in a foreign namespace between
 * two statements: what has to be done there is one native call, which also comes back (native/library/namespaces.c).
 */

import { readFileSync, readlinkSync } from 'node:fs'
import { check } from './errors.ts'
import {
  makeNetworkNamespaceNative,
  makeNetworkNamespaceNativeAsync,
  makeNetworkNamespaceOfNative,
  makeUserNamespaceNative,
  socketInNetworkNamespaceNative,
} from './native.ts'
import { syscall } from './syscall.ts'

const AT_FDCWD = -100
const O_CLOEXEC = 0o2000000

/** The kinds that have a file in /proc/PID/ns. */
export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'user' | 'uts'

/** A new network namespace whose loopback is up; it lives as long as the descriptor, or a process in it. Shell: `ip netns add` */
export function makeNetworkNamespace(): number {
  return check('unshare', makeNetworkNamespaceNative(), { flags: 'CLONE_NEWNET' })
}

/** The same on another thread: the kernel needs a millisecond or more, in which the event loop goes on. */
export async function makeNetworkNamespaceInBackground(): Promise<number> {
  return check('unshare', await makeNetworkNamespaceNativeAsync(), { flags: 'CLONE_NEWNET' })
}

/** The same, but owned by a user namespace: who is root there is root of this network. */
export const makeNetworkNamespaceOf = (userns: number): number =>
  check('unshare', makeNetworkNamespaceOfNative(userns), { flags: 'CLONE_NEWNET', userns })

/** A line of /proc/PID/uid_map: `count` ids from `inside` on are, outside, those from `outside` on. See user_namespaces(7). */
export interface IdRange {
  inside: number
  outside: number
  count: number
}

export interface IdMap {
  uids: readonly IdRange[]
  gids: readonly IdRange[]
}

/** A new user namespace; it lives as long as the descriptor, or whatever belongs to it. Shell: `unshare -U --map-users=…` */
export function makeUserNamespace({ uids, gids }: IdMap): number {
  const lines = (ranges: readonly IdRange[]): string =>
    ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('')
  return check('clone', makeUserNamespaceNative(lines(uids), lines(gids)), { flags: 'CLONE_NEWUSER' })
}

/** What a process's ids are outside; null: it is in our own user namespace. @throws KernelError ENOENT if there is no such process */
export function idMapOf(pid: number): IdMap | null {
  const read = (name: string): IdRange[] =>
    readFileSync(`/proc/${pid}/${name}`, 'utf8')
      .trim()
      .split('\n')
      .map(line => {
        const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number)
        return { inside, outside, count }
      })
  if (readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync('/proc/self/ns/user')) return null
  return { uids: read('uid_map'), gids: read('gid_map') }
}

/** The id that the host has for one inside; undefined: it has none. */
export function toOutside(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ inside, count }) => id >= inside && id < inside + count)
  return range && id - range.inside + range.outside
}

/** The id inside of one of the host's. */
export function toInside(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ outside, count }) => id >= outside && id < outside + count)
  return range && id - range.outside + range.inside
}

/** socket(2), made in a network namespace, to which it belongs for ever. */
export function socketInNetworkNamespace(netns: number, domain: number, type: number, protocol: number): number {
  return check('socket', socketInNetworkNamespaceNative(netns, domain, type, protocol), {
    netns,
    domain,
    type,
    protocol,
  })
}

/**
 * Opens a namespace that a process is in. A pid that may have been reused names a stranger's: hold the process's pidfd and
 * ask it (pidfdIsAlive) after this. @throws KernelError ENOENT: there is no such process.
 */
export function openNamespace(pid: number, kind: NamespaceKind): number {
  const path = `/proc/${pid}/ns/${kind}`
  return check('openat', syscall('openat', AT_FDCWD, path, O_CLOEXEC, 0), { path })
}

export const openNetworkNamespace = (pid: number): number => openNamespace(pid, 'net')
