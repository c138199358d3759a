/** All the groups of one daemon. See types.ts for the contract. */

import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Conflict, hasCode, InvalidParameter } from '../kernel/errors.ts'
import { takeSteps } from '../kernel/file-steps.ts'
import { childGroups, processesBelow } from './files.ts'
import { ContainerGroup } from './group.ts'
import { type Layout, modeOf, readLayout } from './layout.ts'
import { type Action, performActions, writesOf } from './plan.ts'
import { MANY_FOLDERS, tryRemoveGroup } from './remove.ts'
import { parentValues } from './setting.ts'
import { supportOf } from './support.ts'
import { parentPath, Trees } from './trees.ts'
import type {
  Cgroup,
  CgroupFolder,
  CgroupPlacement,
  CgroupSetting,
  CgroupSupport,
  Cgroups,
  ControllerPlace,
  Resources,
} from './types.ts'

export interface CgroupsOptions {
  /** The group that this daemon's groups are made in; every instance needs one of its own. */
  parent?: string
  /** False: the parent is the user's and stays when the daemon stops. */
  ownsParent?: boolean
  /** For tests: another view of the machine than that of this process. */
  layout?: Layout
}

/** Finds the hierarchies and makes the daemon's parent group in each that can be used. */
export function openCgroups({
  parent = 'skiff',
  ownsParent = true,
  layout = readLayout(),
}: CgroupsOptions = {}): Cgroups {
  return new DaemonCgroups(parentPath(parent), ownsParent, new Trees(layout))
}

class DaemonCgroups implements Cgroups {
  readonly supports: CgroupSupport

  constructor(
    private readonly parentName: string,
    private readonly ownsParent: boolean,
    private readonly trees: Trees,
  ) {
    trees.prepare(parentName)
    this.supports = supportOf(trees, base => join(base, parentName))
  }

  get parent(): string {
    return `/${this.parentName}`
  }

  get mode(): Cgroups['mode'] {
    return modeOf(this.trees.layout.hierarchies)
  }

  controllers(): ControllerPlace[] {
    return this.trees.places
  }

  describe(): string {
    const places = this.trees.places.map(
      ({ controller, version, mountPoint, unusable }) =>
        `${controller}: v${version} at ${mountPoint}${unusable ? `, not usable: ${unusable}` : ''}`,
    )
    return [`${this.mode} cgroups, groups in ${this.parent}`, ...places].join('\n')
  }

  private group(name: string, { parent }: CgroupPlacement = {}): ContainerGroup {
    if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) throw new InvalidParameter(`invalid cgroup name '${name}'`)
    return new ContainerGroup(name, parent ? parentPath(parent) : this.parentName, this.parentName, this.trees)
  }

  plan(name: string, resources: Resources, placement?: CgroupPlacement): CgroupSetting[] {
    return this.group(name, placement)
      .plan(resources, true)
      .map(({ setting }) => setting)
  }

  folders(name: string, placement?: CgroupPlacement): CgroupFolder[] {
    return this.group(name, placement).folders
  }

  async create(name: string, resources: Resources, placement: CgroupPlacement = {}): Promise<Cgroup> {
    const group = this.group(name, placement)
    const parent = placement.parent ? parentPath(placement.parent) : this.parentName
    try {
      await this.make(group, parent, resources)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
      // Somebody has removed the parent group: empty, it is nobody's.
      this.trees.forget(parent)
      await this.make(group, parent, resources)
    }
    return group
  }

  private async make(group: ContainerGroup, parent: string, resources: Resources): Promise<void> {
    this.trees.prepare(parent)
    if (await isMadeInOneGo(group, group.plan(resources, true))) return
    parentValues.forget()
    const actions = group.plan(resources, true)
    const made: string[] = []
    try {
      for (const { path } of group.folders) {
        makeGroup(path)
        made.push(path)
      }
      performActions(actions)
    } catch (error) {
      for (const path of made) tryRemoveGroup(path)
      throw error
    }
  }

  open(name: string, placement?: CgroupPlacement): Cgroup {
    return this.group(name, placement)
  }

  async removeStale(
    keep: ReadonlySet<string>,
    isOurs: (name: string) => boolean = () => true,
  ): Promise<{ removed: string[]; populated: string[] }> {
    const folders = new Map<string, string[]>()
    for (const { base } of this.trees.usable) {
      for (const folder of childGroups(join(base, this.parentName))) {
        const name = basename(folder)
        if (!keep.has(name) && isOurs(name)) folders.set(name, [...(folders.get(name) ?? []), folder])
      }
    }
    const removed: string[] = []
    const populated: string[] = []
    for (const [name, paths] of folders) {
      const isEmpty = paths.every(path => processesBelow(path).length === 0)
      if (isEmpty && paths.every(tryRemoveGroup)) removed.push(name)
      else populated.push(name)
    }
    return { removed, populated }
  }

  release(): void {
    this.trees.release(this.ownsParent ? this.parentName : null)
  }
}

/** By another thread, where there are many. If anything fails, nothing of it is left: to do it step by step tells what it was. */
async function isMadeInOneGo({ folders }: ContainerGroup, actions: Action[]): Promise<boolean> {
  if (folders.length < MANY_FOLDERS || actions.some(({ perform }) => perform)) return false
  const paths = folders.map(({ path }) => path)
  const steps = [...paths.map(make => ({ make, mode: 0o777 })), ...openings(writesOf(actions))]
  const taken = await takeSteps(steps)
  if (taken < steps.length) for (const path of paths.slice(0, taken)) tryRemoveGroup(path)
  return taken === steps.length
}

/** Consecutive values for one file share a descriptor. */
function openings(writes: readonly { path: string; value: string }[]): { open: string; values: string[] }[] {
  const steps: { open: string; values: string[] }[] = []
  for (const { path, value } of writes) {
    const last = steps.at(-1)
    if (last?.open === path) last.values.push(value)
    else steps.push({ open: path, values: [value] })
  }
  return steps
}

/** A folder that a crash has left is replaced, so that no old limit or count survives in it. */
function makeGroup(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    if (processesBelow(path).length > 0 || !tryRemoveGroup(path)) throw new Conflict(`cgroup ${path} is in use`)
    mkdirSync(path)
  }
}
