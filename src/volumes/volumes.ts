/** The volume service. Contract: types.ts. */

import { randomBytes } from 'node:crypto'
import { Conflict, InvalidParameter, NotFound } from '../kernel/errors.ts'
import { mountTable } from '../kernel/mount-table.ts'
import type { Salvage } from '../kernel/salvage.ts'
import { folderSize } from './folder-size.ts'
import { checkOptions, mountVolume, needsMount, unmountVolume } from './local-driver.ts'
import type { Volume, VolumeFilters, VolumeRequest, Volumes, VolumeUsers } from './types.ts'
import { matchesFilters } from './volume-filters.ts'
import { VolumeStore } from './volume-store.ts'

export interface VolumesOptions {
  folder: string
  /** Ids of the containers, running or not, that have this volume among their mounts. */
  usedBy: VolumeUsers
  /** Who is told of what is damaged. */
  salvage: Salvage
}

export class LocalVolumes implements Volumes {
  /** volume → containers that run with it. */
  private readonly users = new Map<string, Set<string>>()
  /** volume → its mount on the host, made or being made. */
  private readonly mounting = new Map<string, Promise<void>>()

  private constructor(
    private readonly store: VolumeStore,
    private readonly options: VolumesOptions,
  ) {}

  static async open(options: VolumesOptions): Promise<LocalVolumes> {
    const volumes = new LocalVolumes(await VolumeStore.open(options.folder, options.salvage), options)
    // Of a daemon before this one, whose containers may still run.
    const mountPoints = new Set((await mountTable()).map(({ mountPoint }) => mountPoint))
    for (const { name, mountpoint } of volumes.store.all())
      if (mountPoints.has(mountpoint)) volumes.mounting.set(name, Promise.resolve())
    return volumes
  }

  async list(filters: VolumeFilters): Promise<Volume[]> {
    const isUsed = (volume: Volume) => this.options.usedBy(volume.name).length > 0
    return this.store
      .all()
      .filter(volume => matchesFilters(volume, filters, isUsed))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async inspect(name: string): Promise<Volume> {
    return this.store.find(name)
  }

  async create(request: VolumeRequest): Promise<Volume> {
    const { driver, options, labels } = request
    const name = request.name || randomBytes(32).toString('hex')
    if (driver !== '' && driver !== 'local')
      throw new NotFound(`create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`)
    checkName(name)
    const known = this.store.get(name)
    // Docker's rule: who creates what is there already means to use it, with the options that it has.
    if (known) return known
    checkOptions(name, options)
    const volume: Volume = {
      name,
      driver: 'local',
      mountpoint: this.store.mountpoint(name),
      created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      labels,
      options,
      scope: 'local',
      anonymous: request.name === '',
      ...(request.madeFor !== undefined && { madeFor: request.madeFor }),
    }
    await this.store.add(volume)
    return volume
  }

  async remove(name: string, { force }: { force: boolean }): Promise<void> {
    if (!this.store.get(name) && force) return
    this.store.find(name)
    const users = this.options.usedBy(name)
    if (users.length > 0) throw new Conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`)
    unmountVolume(this.store.mountpoint(name))
    await this.store.remove(name)
  }

  async removeUnfinished(containerId: string): Promise<void> {
    for (const { name, anonymous, madeFor } of this.store.all()) {
      if (anonymous && madeFor === containerId && this.options.usedBy(name).length === 0) await this.store.remove(name)
    }
  }

  async prune(filters: VolumeFilters): Promise<{ removed: string[]; reclaimed: number }> {
    const { all, ...others } = filters
    const everything = all?.some(value => ['1', 'true', 'True'].includes(value)) ?? false
    const result = { removed: [] as string[], reclaimed: 0 }
    for (const volume of await this.list({ ...others, dangling: ['true'] })) {
      if (!volume.anonymous && !everything) continue
      result.reclaimed += await this.size(volume.name)
      await this.remove(volume.name, { force: true })
      result.removed.push(volume.name)
    }
    return result
  }

  replace(name: string, fill: (folder: string) => Promise<void>): Promise<void> {
    return this.store.replace(name, fill)
  }

  async size(name: string): Promise<number> {
    return folderSize(this.store.find(name).mountpoint)
  }

  async acquire(name: string, containerId: string): Promise<string> {
    const volume = this.store.find(name)
    const users = this.users.get(name) ?? new Set()
    this.users.set(name, users.add(containerId))
    try {
      if (needsMount(volume.options)) await this.ensureMounted(volume)
      return volume.mountpoint
    } catch (error) {
      await this.release(name, containerId)
      throw error
    }
  }

  async release(name: string, containerId: string): Promise<void> {
    const users = this.users.get(name)
    if (!users?.delete(containerId) || users.size > 0) return
    this.users.delete(name)
    this.mounting.delete(name)
    const volume = this.store.get(name)
    if (volume && needsMount(volume.options)) unmountVolume(volume.mountpoint)
  }

  settle(): void {
    for (const { name, mountpoint } of this.store.all()) {
      if (!this.mounting.has(name) || this.users.has(name)) continue
      this.mounting.delete(name)
      unmountVolume(mountpoint)
    }
  }

  /** Two containers that start at once mount it once. */
  private async ensureMounted(volume: Volume): Promise<void> {
    const running = this.mounting.get(volume.name)
    if (running) return running
    const mounting = mountVolume(volume.options, volume.mountpoint)
    this.mounting.set(volume.name, mounting)
    return mounting.catch(error => {
      this.mounting.delete(volume.name)
      throw error
    })
  }
}

function checkName(name: string): void {
  if (name.length === 1)
    throw new InvalidParameter(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    )
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw new InvalidParameter(
      `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    )
}
