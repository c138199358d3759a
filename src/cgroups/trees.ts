/**
 * The hierarchies that this daemon can use, and the parent groups in them. A tree is one hierarchy from the daemon's base on;
 * a container gets a folder in every one of them, for a process that stayed in the root group of a hierarchy could see, with a
 * mount of it, the whole host's groups.
 */

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { Conflict, hasCode, InvalidParameter } from '../kernel/errors.ts'
import { baseOf, enableControllers, LEAF } from './base.ts'
import { cpuset } from './controllers/cpuset.ts'
import { GroupFiles, writeValues } from './files.ts'
import { folderOf, type Hierarchy, type Layout } from './layout.ts'
import { stateOf } from './setting.ts'
import type { Controller, ControllerPlace } from './types.ts'

export interface Tree {
  hierarchy: Hierarchy
  /** The folder that parent groups are made in. */
  base: string
  /** What this tree serves: on v2 known after the base has been prepared. */
  controllers: Controller[]
}

const V2_NAMES: Record<string, Controller> = {
  cpu: 'cpu',
  cpuset: 'cpuset',
  io: 'blkio',
  memory: 'memory',
  pids: 'pids',
  hugetlb: 'hugetlb',
}

/** What every v2 group has without any controller. */
const V2_CORE: Controller[] = ['cpuacct', 'devices', 'freezer']

export class Trees {
  readonly usable: Tree[] = []
  readonly places: ControllerPlace[] = []
  private readonly prepared = new Set<string>()
  private readonly made: string[] = []

  constructor(readonly layout: Layout) {
    // v1 first: a controller that is bound to v1 cannot be had on v2.
    for (const hierarchy of layout.hierarchies.toSorted((a, b) => a.version - b.version)) this.add(hierarchy)
  }

  get unified(): Tree | undefined {
    return this.usable.find(({ hierarchy }) => hierarchy.version === 2)
  }

  /** The tree that serves a controller. */
  serving(controller: Controller): Tree | undefined {
    return this.usable.find(({ controllers }) => controllers.includes(controller))
  }

  private add(hierarchy: Hierarchy): void {
    const { folder, unusable } = baseOf(hierarchy, this.layout.insideForeignPidNamespace)
    const refused = unusable || hierarchy.version === 1 ? new Map<string, string>() : this.handDown(hierarchy, folder)
    const present = hierarchy.version === 1 ? hierarchy.controllers : this.unifiedControllers(folder)
    const usable: Controller[] = []
    for (const controller of present) {
      const why = unusable ?? this.refusal(controller, refused)
      if (why === undefined) usable.push(controller)
      this.place(controller, hierarchy, why)
    }
    if (unusable === undefined) this.usable.push({ hierarchy, base: folder, controllers: usable })
  }

  private handDown(hierarchy: Hierarchy, base: string): Map<string, string> {
    const own = folderOf(hierarchy, hierarchy.ownGroup)
    return enableControllers(base, own === base || own === join(base, LEAF))
  }

  private unifiedControllers(base: string): Controller[] {
    const names = new GroupFiles(base).read('cgroup.controllers')?.split(' ') ?? []
    const bound = names.flatMap(name => V2_NAMES[name] ?? [])
    return [...bound, ...V2_CORE.filter(name => name === 'freezer' || !this.serving(name))]
  }

  private refusal(controller: Controller, refused: Map<string, string>): string | undefined {
    if (controller === 'devices' && this.layout.insideUserNamespace) return 'not from within a user namespace'
    const code = [...refused].find(([name]) => V2_NAMES[name] === controller)?.[1]
    return code && `cannot be enabled in cgroup.subtree_control: ${code}`
  }

  private place(controller: Controller, { version, mountPoint }: Hierarchy, unusable: string | undefined): void {
    // v2's freezer is the better one; what is bound to v1 otherwise stays there.
    const present = this.places.findIndex(place => place.controller === controller)
    if (present >= 0 && unusable === undefined) {
      this.places.splice(present, 1)
      for (const tree of this.usable) tree.controllers = tree.controllers.filter(name => name !== controller)
    } else if (present >= 0) return
    this.places.push({ controller, version, mountPoint, ...(unusable && { unusable }) })
  }

  /** Makes the parent group in every tree, ready for groups below it. `parent` is a path without a leading slash. */
  prepare(parent: string): void {
    if (this.prepared.has(parent)) return
    for (const tree of this.usable) {
      let folder = tree.base
      for (const part of parent.split('/').filter(Boolean)) {
        const above = folder
        folder = join(folder, part)
        this.make(folder)
        this.open(tree, folder, above)
      }
    }
    this.prepared.add(parent)
  }

  private make(folder: string): void {
    try {
      mkdirSync(folder)
      this.made.push(folder)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  }

  /** What a group needs before there can be useful groups below it. */
  private open({ hierarchy, controllers }: Tree, folder: string, above: string): void {
    if (hierarchy.version === 2) {
      const refused = enableControllers(folder, false)
      if ([...refused.values()].includes('EBUSY')) {
        throw new Conflict(
          `cgroup ${folder} cannot be a parent: it has processes of its own (cgroup v2 allows one or the other)`,
        )
      }
    } else if (controllers.includes('cpuset')) {
      const settings = cpuset.legacy.settings({}, stateOf(new GroupFiles(folder), new GroupFiles(above)))
      writeValues(settings.map(({ file, value }) => ({ path: join(folder, file), value })))
    }
  }

  /** To be called when a parent turns out to be gone. */
  forget(parent: string): void {
    this.prepared.delete(parent)
  }

  /** Removes what `prepare` made, as far as it is empty, and `alsoRemove` in every tree. */
  release(alsoRemove: string | null): void {
    const own = alsoRemove ? this.usable.map(({ base }) => join(base, alsoRemove)) : []
    // Those deeper down first.
    const folders = [...new Set([...own, ...this.made])].sort((a, b) => b.length - a.length)
    for (const folder of folders) tryRemoveEmptyGroup(folder)
    this.made.length = 0
    this.prepared.clear()
  }
}

/** Not below it: what is in a parent group may be somebody's. */
function tryRemoveEmptyGroup(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EBUSY', 'ENOTEMPTY')) throw error
  }
}

/** A parent as a path without a leading slash. */
export function parentPath(parent: string): string {
  const parts = parent.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..') || parent.includes('\0')) throw new InvalidParameter(`invalid cgroup parent '${parent}'`)
  return parts.join('/')
}
