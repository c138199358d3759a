/**
 * What a power cut, a failing disk or a hand has damaged. A damaged record stops nobody and is not deleted: it is moved to
 *
 *     DATA-ROOT/damaged/TIME/…      under the path that it had
 *
 * where nothing reads it and a person may look what can be saved, and it is named in the daemon's log.
 */

import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { hasCode } from './errors.ts'

export interface Damage {
  /** What was found damaged or missing. */
  path: string
  why: string
  /** What follows from it, for a user. */
  consequence: string
  /** Where it lies now; null: it is where it was, or nowhere. */
  keptIn: string | null
}

/** A record that can be read but does not say what it should. */
export class DamagedRecord extends Error {}

const FOLDER = 'damaged'

export class Salvage {
  readonly #folder: string
  readonly #stamp = new Date().toISOString()

  constructor(
    private readonly dataRoot: string,
    private readonly tell: (damage: Damage) => void = () => {},
  ) {
    this.#folder = join(dataRoot, FOLDER)
  }

  /** Whether something damaged is kept here, now or since an earlier start: delete the folder, and it is forgotten. */
  async keepsAny(): Promise<boolean> {
    try {
      return (await readdir(this.#folder)).length > 0
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false
      throw error
    }
  }

  /** Something is damaged that cannot be moved, or is missing altogether. */
  report(path: string, why: unknown, consequence: string): void {
    this.tell({ path, why: wordsOf(why), consequence, keptIn: null })
  }

  /** Moves a file or folder of the data-root out of everybody's way. Nothing happens if it is not there. */
  async putAside(path: string, why: unknown, consequence: string): Promise<void> {
    const target = join(this.#folder, this.#stamp, relative(this.dataRoot, path))
    try {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rename(path, target)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return
      // On a full disk it stays where it is: it is no worse there, and the next start tries again.
      this.report(path, why, `${consequence}; it could not be moved to ${this.#folder} (${wordsOf(error)})`)
      return
    }
    this.tell({ path, why: wordsOf(why), consequence, keptIn: target })
  }

  /**
   * A record in JSON. undefined: there is none, or it is damaged and now lies aside.
   * `isRecord` looks whether it is one: what a disk gives back may be JSON by accident.
   * `unsynced`: it was not written durably, on purpose. Then an empty file is what a power cut leaves, and no damage.
   */
  async read<T>(
    path: string,
    isRecord: (value: unknown) => value is T,
    consequence: string,
    { unsynced = false }: { unsynced?: boolean } = {},
  ): Promise<T | undefined> {
    try {
      const text = await readFile(path, 'utf8')
      return unsynced && text === '' ? undefined : parseRecord(text, isRecord)
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      if (!isDamage(error)) throw error
      await this.putAside(path, error, consequence)
      return undefined
    }
  }
}

/** @throws DamagedRecord, SyntaxError */
export function parseRecord<T>(text: string, isRecord: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(text)
  if (!isRecord(value)) throw new DamagedRecord('it is no record of this kind')
  return value
}

/** Whether the file is at fault, and not what is done with it. EIO: the disk's own word. */
export const isDamage = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  error instanceof DamagedRecord ||
  hasCode(error, 'EIO', 'EISDIR', 'EUCLEAN', 'EBADMSG')

/** A JSON object, as all records are. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const wordsOf = (why: unknown): string => (why instanceof Error ? why.message : String(why))
