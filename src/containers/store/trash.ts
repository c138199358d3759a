/**
 * Folders of removed containers. Renaming one into the trash is the removal: nobody finds it any more, whatever happens. Deleting
 * what is in it takes a file system its time, which nobody has to wait for; what a killed daemon left, the next one deletes.
 */

import { renameSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { hasCode } from '../../kernel/errors.ts'
import { removeTree } from '../../kernel/small-tree.ts'

export class Trash {
  #emptying: Promise<void> = Promise.resolve()

  constructor(
    private readonly folder: string,
    private readonly log: Logger,
  ) {}

  path(name: string): string {
    return join(this.folder, name)
  }

  /** For a daemon that starts. Returns the names of what lies there. */
  async open(): Promise<string[]> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    return readdir(this.folder)
  }

  /** It is gone when this returns. Nothing happens if it was gone already. */
  take(path: string, name: string): void {
    try {
      renameSync(path, join(this.folder, name))
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }

  /** Resolves when everything that was discarded so far is deleted. */
  emptied(): Promise<void> {
    return this.#emptying
  }

  /**
   * Deletes what was taken under this name, once nothing else is left of it: its name here is what the next daemon would go by.
   * One after the other: a machine that removes a hundred containers has other things to do as well.
   */
  discard(name: string): void {
    this.#emptying = this.#emptying.then(async () => {
      try {
        await removeTree(join(this.folder, name))
      } catch (error) {
        this.log.warn({ err: error, name }, 'something in the trash could not be deleted')
      }
    })
  }
}
