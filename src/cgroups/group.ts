/** One container's group: a folder in each tree, and what can be done with them together. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hasCode, Unavailable } from '../kernel/errors.ts'
import { legacyBlkioStats, unifiedBlkioStats } from './controllers/blkio.ts'
import { legacyCpuStats, unifiedCpuStats } from './controllers/cpu.ts'
import { legacyHugetlbStats, unifiedHugetlbStats } from './controllers/hugetlb.ts'
import { legacyMemoryStats, unifiedMemoryStats } from './controllers/memory.ts'
import { pidsStats } from './controllers/pids.ts'
import { GroupFiles, processesBelow } from './files.ts'
import { type Freezer, legacyFreezer, unifiedFreezer } from './freezer.ts'
import { canKillUnified, killLegacy, killUnified } from './kill.ts'
import { folderOf } from './layout.ts'
import { legacyOomState, unifiedOomState, watchLegacyOom, watchUnifiedOom } from './oom.ts'
import { type Action, performActions, planActions } from './plan.ts'
import { pressureOf } from './pressure.ts'
import { removeGroups } from './remove.ts'
import { driverOf } from './setting.ts'
import type { Trees } from './trees.ts'
import type {
  Cgroup,
  CgroupFolder,
  CgroupJoin,
  CgroupSetting,
  CgroupStats,
  Controller,
  OomEvent,
  Resources,
  Watch,
} from './types.ts'

/** Write-only files, and the one that shows what came of writing to them. */
const SHOWN_IN: Record<string, string> = { 'devices.allow': 'devices.list', 'devices.deny': 'devices.list' }

export class ContainerGroup implements Cgroup {
  readonly folders: CgroupFolder[]
  readonly join: CgroupJoin

  /** `like` is the path of a group that exists and has the same files: the daemon's parent. */
  constructor(
    readonly name: string,
    parent: string,
    private readonly like: string,
    private readonly trees: Trees,
  ) {
    this.folders = trees.usable.map(({ hierarchy, base, controllers }) => ({
      version: hierarchy.version,
      controllers,
      label: hierarchy.label,
      path: join(base, parent, name),
    }))
    this.join = {
      intoPath: this.unified?.path ?? null,
      tasksFiles: this.folders.filter(({ version }) => version === 1).map(({ path }) => join(path, 'tasks')),
    }
  }

  private get unified(): CgroupFolder | undefined {
    return this.folders.find(({ version }) => version === 2)
  }

  private serving(controller: Controller): CgroupFolder | undefined {
    return this.folders.find(({ controllers }) => controllers.includes(controller))
  }

  plan(resources: Resources, isNew: boolean): Action[] {
    return planActions(resources, isNew, controller => {
      const folder = this.serving(controller)
      const tree = this.trees.serving(controller)
      return folder && tree
        ? {
            version: folder.version,
            folder: folder.path,
            parent: dirname(folder.path),
            like: join(tree.base, this.like),
          }
        : this.trees.places.find(place => place.controller === controller)?.unusable
    })
  }

  async update(resources: Resources): Promise<void> {
    performActions(this.plan(resources, false))
  }

  settings(resources: Resources): CgroupSetting[] {
    return this.plan(resources, true).map(({ setting }) => {
      const current = new GroupFiles(setting.folder).read(SHOWN_IN[setting.file] ?? setting.file)
      return { ...setting, ...(current !== null && { current }) }
    })
  }

  joinBeside(initPid: number): CgroupJoin {
    const tree = this.trees.unified
    const own = this.unified?.path
    if (!tree || !own) return this.join
    const group = unifiedGroupOf(initPid)
    const folder = group === null ? null : folderOf(tree.hierarchy, group)
    return { ...this.join, intoPath: folder?.startsWith(`${own}/`) ? folder : own }
  }

  exists(): boolean {
    return this.folders.every(({ path }) => existsSync(path))
  }

  private get freezer(): Freezer {
    const folder = this.serving('freezer')
    if (!folder) throw new Unavailable('cannot stop processes: there is no cgroup freezer here')
    return folder.version === 2 ? unifiedFreezer(folder.path) : legacyFreezer(folder.path)
  }

  async freeze(): Promise<void> {
    await this.freezer.freeze()
  }

  async thaw(): Promise<void> {
    await this.freezer.thaw()
  }

  isFrozen(): boolean {
    return this.serving('freezer') !== undefined && this.freezer.isFrozen()
  }

  /** The folder whose list of processes is believed: v2's, else that in which they cannot fork unseen, else any. */
  private get census(): CgroupFolder | undefined {
    return this.unified ?? this.serving('freezer') ?? this.serving('pids') ?? this.folders[0]
  }

  processes(): number[] {
    return this.census ? processesBelow(this.census.path) : []
  }

  async kill(): Promise<void> {
    if (!this.census) throw new Unavailable('cannot kill a group of processes: there is no cgroup hierarchy here')
    if (!existsSync(this.census.path)) return
    if (this.unified && canKillUnified(this.unified.path)) killUnified(this.unified.path)
    else await killLegacy(this.census.path, this.serving('freezer')?.path ?? null)
  }

  oomKills(): number {
    return this.oomState().kills
  }

  private oomState(): OomEvent {
    const folder = this.serving('memory')
    if (!folder) return { kills: 0, underOom: false }
    return folder.version === 2 ? unifiedOomState(folder.path) : legacyOomState(folder.path)
  }

  watchOom(listener: (event: OomEvent) => void): Watch {
    const folder = this.serving('memory')
    if (!folder) return { close: () => {} }
    return folder.version === 2 ? watchUnifiedOom(folder.path, listener) : watchLegacyOom(folder.path, listener)
  }

  async stats(): Promise<CgroupStats> {
    const v2 = this.unified && new GroupFiles(this.unified.path)
    return {
      readAt: new Date(),
      cpu: this.cpuStats(),
      memory: this.counted('memory', { legacy: legacyMemoryStats, unified: unifiedMemoryStats }) ?? null,
      blkio: this.counted('blkio', { legacy: legacyBlkioStats, unified: unifiedBlkioStats }) ?? null,
      pids: this.counted('pids', { legacy: pidsStats, unified: pidsStats }) ?? null,
      hugetlb: this.counted('hugetlb', { legacy: legacyHugetlbStats, unified: unifiedHugetlbStats }) ?? {},
      pressure: v2 ? pressureOf(v2) : {},
    }
  }

  private counted<T>(
    controller: Controller,
    by: { legacy: (files: GroupFiles) => T; unified: (files: GroupFiles) => T },
  ): T | undefined {
    const folder = this.serving(controller)
    return folder && by[driverOf(folder.version)](new GroupFiles(folder.path))
  }

  /** The time may be counted on one version and the throttling on the other. */
  private cpuStats(): CgroupStats['cpu'] {
    const time = this.serving('cpuacct')
    const quota = this.serving('cpu')
    if (time?.version === 2) return unifiedCpuStats(new GroupFiles(time.path))
    const v1 = quota?.version === 1 ? quota : undefined
    return legacyCpuStats(v1 ? new GroupFiles(v1.path) : null, time ? new GroupFiles(time.path) : null)
  }

  async remove(): Promise<void> {
    await removeGroups(this.folders.map(({ path }) => path))
  }
}

/** The v2 line of /proc/PID/cgroup: `0::/path`. null: the process is gone. */
function unifiedGroupOf(pid: number): string | null {
  try {
    return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? null
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return null
    throw error
  }
}
