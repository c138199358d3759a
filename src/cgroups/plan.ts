/** From resources to what is to be done, controller by controller: data first, so that it can be shown; then performed. */

import { join } from 'node:path'
import { Unavailable } from '../kernel/errors.ts'
import { blkio } from './controllers/blkio.ts'
import { cpu } from './controllers/cpu.ts'
import { cpuset } from './controllers/cpuset.ts'
import { devices } from './controllers/devices.ts'
import { hugetlb } from './controllers/hugetlb.ts'
import { memory } from './controllers/memory.ts'
import { pids } from './controllers/pids.ts'
import { GroupFiles, writeValues } from './files.ts'
import { type ControllerModule, driverOf, stateOf, stateOfNew } from './setting.ts'
import type { CgroupSetting, CgroupVersion, Controller, Resources } from './types.ts'

/** cpuset first: without it nobody can join a v1 group, so a failure shows early. */
const MODULES: ControllerModule[] = [cpuset, memory, cpu, pids, blkio, hugetlb, devices]

/** Where a controller's files of one group are. */
export interface ControllerFolder {
  version: CgroupVersion
  folder: string
  parent: string
  /** A group that exists and has the same files. */
  like: string
}

export interface Action {
  setting: CgroupSetting
  /** Where it is not the writing of the value to the file. */
  perform?: (folder: string) => void
}

/** `place` tells where a controller is; if it cannot be used, why; undefined if there is none. */
export function planActions(
  resources: Resources,
  isNew: boolean,
  place: (controller: Controller) => ControllerFolder | string | undefined,
): Action[] {
  return MODULES.flatMap(module => {
    const where = place(module.controller)
    if (typeof where === 'object') return moduleActions(module, resources, isNew, where)
    const asked = module.asked(resources)
    if (asked !== null && !isMoot(module.controller, where))
      throw new Unavailable(missing(asked, module.controller, where))
    return []
  })
}

/** Within a user namespace the kernel lets nobody use a device node made there: no rules are needed, and none can be set. */
const isMoot = (controller: Controller, why: string | undefined): boolean =>
  controller === 'devices' && why !== undefined && why.includes('user namespace')

const missing = (asked: string, controller: Controller, why: string | undefined): string =>
  `cannot set ${asked}: the cgroup controller ${controller} is ${why ? `not usable (${why})` : 'not mounted'}`

function moduleActions(
  module: ControllerModule,
  resources: Resources,
  isNew: boolean,
  where: ControllerFolder,
): Action[] {
  const { version, folder } = where
  const files = new GroupFiles(folder)
  const parent = new GroupFiles(where.parent)
  const state = isNew ? stateOfNew(parent, new GroupFiles(where.like)) : stateOf(files, parent)
  return module[driverOf(version)].settings(resources, state).map(({ file, value, why, perform }) => ({
    setting: { controller: module.controller, version, folder, file, value, why },
    ...(perform && { perform }),
  }))
}

export function performActions(actions: Action[]): void {
  writeValues(writesOf(actions))
  for (const { perform, setting } of actions) perform?.(setting.folder)
}

export const writesOf = (actions: Action[]): { path: string; value: string }[] =>
  actions
    .filter(({ perform }) => !perform)
    .map(({ setting }) => ({ path: join(setting.folder, setting.file), value: setting.value }))
