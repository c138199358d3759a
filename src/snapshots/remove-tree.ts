/** Deletes a folder with all that is in it, by descriptors: nothing that somebody puts in its place meanwhile leads elsewhere. */

import { constants } from 'node:fs'
import { AT_REMOVEDIR, close, openToRead, statAt, unlinkAt } from '../kernel/files.ts'
import { toPath } from './tar/byte-string.ts'
import { isFolderStatus, namesIn } from './walk.ts'

export function removeTree(parent: number, name: Buffer): void {
  const folder = openToRead(parent, name, constants.O_DIRECTORY)
  try {
    for (const child of namesIn(folder)) {
      if (isFolderStatus(statAt(folder, toPath(child)))) removeTree(folder, toPath(child))
      else unlinkAt(folder, toPath(child))
    }
  } finally {
    close(folder)
  }
  unlinkAt(parent, name, AT_REMOVEDIR)
}
