/** Takes out of a build context the files that are there for the builder's sake, if .dockerignore names them. */

import { unlinkAt } from '../../kernel/files.ts'
import { fromText, toPath } from '../tar/byte-string.ts'
import { withFolder } from '../worker/tree-jobs.ts'
import { withFile } from './find.ts'
import { matcher } from './sources.ts'

export const removeIgnored = (folder: string, patterns: string[], names: string[]): Promise<void> =>
  withFolder(folder, root => {
    const ignored = matcher(patterns)
    for (const name of names.map(fromText)) {
      if (ignored(name) && withFile(root, name, () => true)) unlinkAt(root, toPath(name))
    }
  })
