/**
 * What hierarchies there are, where they are mounted, and where in them this process lives.
 * proc(5): /proc/PID/mountinfo; cgroups(7): /proc/PID/cgroup; cgroup_namespaces(7): what both show in a cgroup namespace.
 */

import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { CgroupVersion, Controller } from './types.ts'

/** One hierarchy, mounted where this process can see it. */
export interface Hierarchy {
  version: CgroupVersion
  /** v1: what is bound to it, possibly nothing (name=systemd). v2: empty here, see `cgroup.controllers` of a group. */
  controllers: Controller[]
  /** The middle of a line in /proc/self/cgroup: `cpu,cpuacct`, `name=systemd`, and for v2 nothing. */
  label: string
  mountPoint: string
  /** Which group of the hierarchy the mount shows as its root. `/` unless it is a bind mount, as container engines make. */
  mountRoot: string
  /** The group of this process. */
  ownGroup: string
  readOnly: boolean
}

export interface Layout {
  hierarchies: Hierarchy[]
  /**
   * A container that shares the host's cgroup namespace sees groups above its own. They are not ours to use: nothing there
   * would be bound by the container's limits, nor removed with it.
   */
  insideForeignPidNamespace: boolean
  /** Then nobody in it can make a device node or open one made there (user_namespaces(7)), and device rules are not ours to set. */
  insideUserNamespace: boolean
}

/** Reads the layout of this process. */
export function readLayout(): Layout {
  return {
    hierarchies: parseHierarchies(
      readFileSync('/proc/self/mountinfo', 'utf8'),
      readFileSync('/proc/self/cgroup', 'utf8'),
    ),
    insideForeignPidNamespace:
      readlinkSync('/proc/self/ns/pid') !== INITIAL_PID_NAMESPACE &&
      readlinkSync('/proc/self/ns/cgroup') === INITIAL_CGROUP_NAMESPACE,
    insideUserNamespace: readlinkSync('/proc/self/ns/user') !== INITIAL_USER_NAMESPACE,
  }
}

// Fixed inode numbers of the first namespaces: PROC_USER_INIT_INO and so on in include/linux/proc_ns.h.
const INITIAL_USER_NAMESPACE = `user:[${0xeffffffd}]`
const INITIAL_PID_NAMESPACE = `pid:[${0xeffffffc}]`
const INITIAL_CGROUP_NAMESPACE = `cgroup:[${0xeffffffb}]`

/** The text of /proc/self/mountinfo and of /proc/self/cgroup, joined. A hierarchy without a mount is left out. */
export function parseHierarchies(mountinfo: string, selfCgroup: string): Hierarchy[] {
  const mounts = parseMounts(mountinfo)
  const hierarchies: Hierarchy[] = []
  for (const line of selfCgroup.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line)
    if (!match) continue
    const [, label = '', ownGroup = '/'] = match
    const version = label === '' ? 2 : 1
    const names = label.split(',')
    const candidates = mounts.filter(
      mount => mount.version === version && (version === 2 || names.every(name => mount.options.includes(name))),
    )
    const mount = best(candidates)
    if (!mount) continue
    const controllers = version === 2 || label.startsWith('name=') ? [] : (names as Controller[])
    const { mountPoint, mountRoot, readOnly } = mount
    hierarchies.push({ version, controllers, label, mountPoint, mountRoot, ownGroup, readOnly })
  }
  return hierarchies
}

interface CgroupMount {
  version: CgroupVersion
  mountPoint: string
  mountRoot: string
  readOnly: boolean
  options: string[]
}

/** `36 35 98:0 /root /mount/point rw,noatime shared:1 - cgroup source rw,memory` */
function parseMounts(mountinfo: string): CgroupMount[] {
  const mounts: CgroupMount[] = []
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ')
    const [fsType, , superOptions = ''] = right?.split(' ') ?? []
    if (!left || (fsType !== 'cgroup' && fsType !== 'cgroup2')) continue
    const [, , , root = '/', point = '/', mountOptions = ''] = left.split(' ')
    const options = superOptions.split(',')
    mounts.push({
      version: fsType === 'cgroup2' ? 2 : 1,
      mountPoint: unescapeOctal(point),
      mountRoot: unescapeOctal(root),
      readOnly: mountOptions.split(',').includes('ro') || options.includes('ro'),
      options,
    })
  }
  return mounts
}

/** mountinfo writes space, tab, newline and backslash as \040 and the like. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Of several mounts of one hierarchy: one that can be written to, that shows most of it, with the shortest path. */
const best = (mounts: CgroupMount[]): CgroupMount | undefined =>
  mounts.toSorted(
    (a, b) =>
      Number(a.readOnly) - Number(b.readOnly) ||
      a.mountRoot.length - b.mountRoot.length ||
      a.mountPoint.length - b.mountPoint.length,
  )[0]

/** The folder of a group of which /proc/PID/cgroup gives the path; null if the mount does not show it. */
export function folderOf(hierarchy: Hierarchy, group: string): string | null {
  const { mountPoint, mountRoot } = hierarchy
  // A group above the root of a cgroup namespace is shown as /../…
  if (group.split('/').includes('..')) return null
  if (group === mountRoot) return mountPoint
  const above = mountRoot === '/' ? '' : mountRoot
  return group.startsWith(`${above}/`) ? join(mountPoint, group.slice(above.length)) : null
}

export type CgroupMode = 'legacy' | 'hybrid' | 'unified'

/** What the host has: version 1 alone, some controllers on each, or version 2 alone. */
export function modeOf(hierarchies: readonly Hierarchy[]): CgroupMode {
  const v1 = hierarchies.some(({ version, controllers }) => version === 1 && controllers.length > 0)
  const v2 = hierarchies.some(({ version }) => version === 2)
  if (v1 && v2) return 'hybrid'
  return v1 ? 'legacy' : 'unified'
}
