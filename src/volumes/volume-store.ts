/** Volumes as files: volumes/NAME/volume.json beside volumes/NAME/_data, both readable by hand. */

import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, syncFolder, TEMPORARY_PREFIX, writeAtomically } from '../kernel/atomic-file.ts'
import { hasCode, NotFound } from '../kernel/errors.ts'
import type { Volume } from './types.ts'

const FILE = 'volume.json'

export class VolumeStore {
  private readonly volumes = new Map<string, Volume>()

  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<VolumeStore> {
    const store = new VolumeStore(folder)
    // As Docker's: whoever may enter the data-root may enter here; each volume has the mode of its own content.
    await mkdir(folder, { recursive: true, mode: 0o711 })
    await removeTemporaries(folder)
    for (const name of await readdir(folder)) {
      const volume = await read(join(folder, name, FILE))
      if (volume) store.volumes.set(name, volume)
    }
    return store
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

  /** Gone under its name at once; what a power cut leaves of it is deleted at the next start. */
  async remove(name: string): Promise<void> {
    const temporary = join(this.folder, `${TEMPORARY_PREFIX}${name}`)
    await rename(join(this.folder, name), temporary)
    this.volumes.delete(name)
    await rm(temporary, { recursive: true, force: true })
  }
}

const format = (volume: Volume): string => `${JSON.stringify(volume, null, 2)}\n`

/** null where there is no volume: a folder of somebody else's. */
async function read(path: string): Promise<Volume | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Volume
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}
