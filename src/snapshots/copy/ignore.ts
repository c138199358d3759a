/** Takes out of a build context what its .dockerignore names. */

import { constants } from 'node:fs'
import { hasCode } from '../../kernel/errors.ts'
import { AT_REMOVEDIR, close, openToRead, statAt, unlinkAt } from '../../kernel/files.ts'
import { removeTree } from '../remove-tree.ts'
import { type ByteString, joinPath, toPath } from '../tar/byte-string.ts'
import { isFolderStatus, namesIn } from '../walk.ts'
import { withFolder } from '../worker/tree-jobs.ts'
import { type Matcher, matcher } from './sources.ts'

export const removeIgnored = (folder: string, patterns: string[]): Promise<void> =>
  withFolder(folder, opened => {
    const hasExceptions = patterns.some(pattern => pattern.trim().startsWith('!'))
    const root = openToRead(opened, SELF, constants.O_DIRECTORY)
    try {
      clear(root, '' as ByteString, matcher(patterns), hasExceptions)
    } finally {
      close(root)
    }
  })

const SELF = toPath('.' as ByteString)

function clear(folder: number, path: ByteString, ignored: Matcher, hasExceptions: boolean): void {
  for (const child of namesIn(folder)) {
    const at = joinPath(path, child)
    const name = toPath(child)
    const isIgnored = ignored(at)
    if (!isFolderStatus(statAt(folder, name))) {
      if (isIgnored) unlinkAt(folder, name)
    } else if (isIgnored && !hasExceptions) removeTree(folder, name)
    else {
      const inner = openToRead(folder, name, constants.O_DIRECTORY)
      try {
        clear(inner, at, ignored, hasExceptions)
      } finally {
        close(inner)
      }
      if (isIgnored) removeIfEmpty(folder, name)
    }
  }
}

/** A folder that is left out stays for files that a `!` takes in again. */
function removeIfEmpty(folder: number, name: Buffer): void {
  try {
    unlinkAt(folder, name, AT_REMOVEDIR)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY')) throw error
  }
}
