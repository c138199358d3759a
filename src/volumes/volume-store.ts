/** Volumes as files: volumes/NAME/volume.json beside volumes/NAME/_data, both readable by hand. */

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, syncFolder, TEMPORARY_PREFIX, writeAtomically } from '../kernel/atomic-file.ts'
import { hasCode, NotFound } from '../kernel/errors.ts'
import { AT_FDCWD, RENAME_EXCHANGE, renameAt } from '../kernel/files.ts'
import { isObject, type Salvage } from '../kernel/salvage.ts'
import type { Volume } from './types.ts'

const FILE = 'volume.json'

export class VolumeStore {
  private readonly volumes = new Map<string, Volume>()

  private constructor(private readonly folder: string) {}

  static async open(folder: string, salvage: Salvage): Promise<VolumeStore> {
    const store = new VolumeStore(folder)
    // As Docker's: whoever may enter the data-root may enter here; each volume has the mode of its own content.
    await mkdir(folder, { recursive: true, mode: 0o711 })
    await removeTemporaries(folder)
    for (const name of await readdir(folder)) {
      const volume = await store.load(name, salvage)
      if (volume) store.volumes.set(name, volume)
    }
    return store
  }

  /**
   * null where there is no volume: a folder of somebody else's. Where only the record is damaged, what lies in the volume is what matters:
   * it is one without options then, since in the folder of one with options there is nothing but a mount.
   */
  private async load(name: string, salvage: Salvage): Promise<Volume | null> {
    const path = join(this.folder, name, FILE)
    const isOwn = (value: unknown): value is Volume => isVolume(value) && value.name === name
    const volume = await salvage.read(path, isOwn, 'its labels are lost; what lies in the volume is not')
    if (volume !== undefined) return { ...volume, mountpoint: this.mountpoint(name) }
    const content = await contentOf(this.mountpoint(name))
    if (content === null) return null
    const anonymous = /^[0-9a-f]{64}$/.test(name)
    if (content.length === 0 && !anonymous) {
      const why = 'its record is lost and it is empty: it may have had options'
      await salvage.putAside(join(this.folder, name), why, 'create the volume again')
      return null
    }
    const mountpoint = this.mountpoint(name)
    const created = (await stat(mountpoint)).mtime.toISOString().replace(/\.\d+Z$/, 'Z')
    const plain = { labels: {}, options: {}, driver: 'local', scope: 'local' } as const
    const found: Volume = { ...plain, name, mountpoint, created, anonymous }
    salvage.report(path, 'it is missing', 'the volume is taken for one without options and labels')
    await writeAtomically(path, format(found), { durable: true })
    return found
  }

  all(): Volume[] {
    return [...this.volumes.values()]
  }

  get(name: string): Volume | undefined {
    return this.volumes.get(name)
  }

  /** @throws NotFound */
  find(name: string): Volume {
    const volume = this.volumes.get(name)
    if (!volume) throw new NotFound(`get ${name}: no such volume`)
    return volume
  }

  mountpoint(name: string): string {
    return join(this.folder, name, '_data')
  }

  /** Appears under its name when it is complete. */
  async add(volume: Volume): Promise<void> {
    const temporary = join(this.folder, `${TEMPORARY_PREFIX}${volume.name}`)
    try {
      await mkdir(join(temporary, '_data'), { recursive: true, mode: 0o755 })
      await writeAtomically(join(temporary, FILE), format(volume), { durable: true })
      await rename(temporary, join(this.folder, volume.name))
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    await syncFolder(this.folder)
    this.volumes.set(volume.name, volume)
  }

  /** @throws NotFound */
  async replace(name: string, fill: (folder: string) => Promise<void>): Promise<void> {
    this.find(name)
    const temporary = join(this.folder, `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`)
    try {
      await mkdir(temporary, { mode: 0o700 })
      const made = join(temporary, '_data')
      await fill(made)
      renameAt(AT_FDCWD, made, AT_FDCWD, this.mountpoint(name), RENAME_EXCHANGE)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    // In it lies the old content now: nobody waits for that. What a killed daemon leaves of it the next one deletes.
    void rm(temporary, { recursive: true, force: true }).catch(() => {})
  }

  /** Gone under its name at once; what a power cut leaves of it is deleted at the next start. */
  async remove(name: string): Promise<void> {
    const temporary = join(this.folder, `${TEMPORARY_PREFIX}${name}`)
    try {
      await rename(join(this.folder, name), temporary)
    } catch (error) {
      // Somebody has removed it behind our back: it is gone, as was asked for.
      if (!hasCode(error, 'ENOENT')) throw error
    }
    this.volumes.delete(name)
    await rm(temporary, { recursive: true, force: true })
  }
}

const format = (volume: Volume): string => `${JSON.stringify(volume, null, 2)}\n`

const isVolume = (value: unknown): value is Volume =>
  isObject(value) &&
  [value.name, value.mountpoint, value.created].every(field => typeof field === 'string') &&
  isObject(value.labels) &&
  isObject(value.options)

/** null: there is no such folder. */
async function contentOf(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
