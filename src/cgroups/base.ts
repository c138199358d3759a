/**
 * The part of a hierarchy that this daemon may work in, its base: parent groups are made right below it.
 *
 * | where the daemon runs                        | what it sees                        | base                                  |
 * | -------------------------------------------- | ----------------------------------- | ------------------------------------- |
 * | a host, with systemd or not                  | the whole hierarchy                 | its root, as Docker's cgroupfs driver |
 * | a container with a cgroup namespace          | its own group as the root           | that root                             |
 * | a container, v1, its group bind-mounted      | its own group as the mount's root   | that root                             |
 * | a container that shares the host's namespace | the whole hierarchy, from below     | its own group                         |
 * | a service with Delegate=yes, root read-only  | the whole, only its own is writable | its own group                         |
 *
 * On v2 a group that has processes cannot hand controllers to groups below it (cgroup-v2.rst, "No Internal Process Constraint";
 * only the hierarchy's real root is exempt). Where the base is such a group and the daemon itself is among the processes, they
 * are all moved to a leaf of it, as systemd's and Docker-in-Docker's start scripts do.
 */

import { accessSync, constants, mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hasCode } from '../kernel/errors.ts'
import { CgroupWriteError, GroupFiles, writeValue } from './files.ts'
import { folderOf, type Hierarchy } from './layout.ts'

/** Where processes go that stand in the way. */
export const LEAF = 'init'

export interface Base {
  folder: string
  /** Why nothing can be made there. */
  unusable?: string
}

export function baseOf(hierarchy: Hierarchy, belowOwnGroup: boolean): Base {
  const root = hierarchy.mountPoint
  if (hierarchy.readOnly) return { folder: root, unusable: 'mounted read-only' }
  const own = ownFolder(hierarchy)
  if (belowOwnGroup && own && isWritable(own)) return { folder: own }
  if (isWritable(root)) return { folder: root }
  if (own && isWritable(own)) return { folder: own }
  return { folder: root, unusable: 'not writable' }
}

/** The group that the daemon was started in: after it has moved to a leaf of it, that is the leaf's parent. */
function ownFolder(hierarchy: Hierarchy): string | null {
  const folder = folderOf(hierarchy, hierarchy.ownGroup)
  if (folder === null) return null
  return hierarchy.version === 2 && basename(folder) === LEAF ? dirname(folder) : folder
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

// What skiff sets or counts; others stay with whoever uses them.
const WANTED = ['cpuset', 'cpu', 'io', 'memory', 'pids', 'hugetlb']

/**
 * Hands a v2 group's controllers down to the groups below it. Returns those that the kernel would not hand down, and why:
 * EBUSY where processes are in the way that are not ours to move.
 */
export function enableControllers(folder: string, isOwnGroup: boolean): Map<string, string> {
  const files = new GroupFiles(folder)
  const available = files.read('cgroup.controllers')?.split(' ') ?? []
  const enabled = new Set(files.read('cgroup.subtree_control')?.split(' '))
  const missing = WANTED.filter(name => available.includes(name) && !enabled.has(name))
  if (missing.length === 0) return new Map()
  // The hierarchy's root alone has no type. Asking first, for the kernel would take cpu, cpuset and pids all the same, make the
  // group a threaded one, and then refuse memory and io for good (EOPNOTSUPP).
  const mustBeEmpty = files.has('cgroup.type')
  if (mustBeEmpty && isOwnGroup) moveProcessesToLeaf(folder)
  if (mustBeEmpty && processesOf(files).length > 0) return new Map(missing.map(name => [name, 'EBUSY']))
  return enableEach(folder, missing)
}

const processesOf = (files: GroupFiles): string[] => files.read('cgroup.procs')?.split('\n').filter(Boolean) ?? []

/** One by one: what is written together fails together, and one controller may have its own reason. */
function enableEach(folder: string, names: string[]): Map<string, string> {
  const refused = new Map<string, string>()
  for (const name of names) {
    try {
      writeValue(join(folder, 'cgroup.subtree_control'), `+${name}`)
    } catch (error) {
      if (!(error instanceof CgroupWriteError)) throw error
      refused.set(name, error.code)
    }
  }
  return refused
}

const ROUNDS = 100

function moveProcessesToLeaf(folder: string): void {
  if (processesOf(new GroupFiles(folder)).length === 0) return
  const leaf = join(folder, LEAF)
  try {
    mkdirSync(leaf)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  // In rounds: a process that forks while it is being moved leaves its child behind.
  for (let round = 0; round < ROUNDS; round++) {
    const pids = processesOf(new GroupFiles(folder))
    if (pids.length === 0) return
    for (const pid of pids) moveProcess(leaf, pid)
  }
}

function moveProcess(leaf: string, pid: string): void {
  try {
    writeValue(join(leaf, 'cgroup.procs'), pid)
  } catch (error) {
    // ESRCH: it has ended. EINVAL: pid 0, a process of a foreign pid namespace, which cannot be named from here.
    if (!hasCode(error, 'ESRCH', 'EINVAL')) throw error
  }
}
