/** Files that change, gathered until there is a pause. */

import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import dockerignore from '@balena/dockerignore'
import type { WatchRule } from '../../compose/schema/develop.ts'

/** Editors write a file in several steps. */
const PAUSE_MS = 200

export interface Change {
  /** Below the rule's path; '' for that itself. */
  readonly below: string
  readonly path: string
}

/** Calls with all that changed since the last call; the next call comes when that one has been worked off. Answers how to stop. */
export async function watchRule(
  rule: WatchRule,
  act: (changes: readonly Change[]) => Promise<void>,
): Promise<() => void> {
  const path = rule.path ?? ''
  const isFolder = (await stat(path)).isDirectory()
  // A file is watched by its folder: editors put another one in its place.
  const root = isFolder ? path : dirname(path)
  const counts = filterOf(rule, isFolder ? undefined : relative(root, path))
  const changed = new Map<string, Change>()
  let working = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    const changes = [...changed.values()]
    changed.clear()
    if (changes.length > 0) working = working.then(() => act(changes))
  }
  const watcher: FSWatcher = watch(root, { recursive: isFolder }, (_event, name) => {
    if (name === null || !counts(name)) return
    changed.set(name, { below: isFolder ? name : '', path: join(root, name) })
    clearTimeout(timer)
    timer = setTimeout(flush, PAUSE_MS)
  })
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}

function filterOf({ ignore = [], include = [] }: WatchRule, only: string | undefined): (name: string) => boolean {
  const matches = (patterns: readonly string[]) => {
    const matcher = dockerignore.default({ ignorecase: false }).add([...patterns])
    return (name: string) => matcher.ignores(name)
  }
  const [left, taken] = [matches(['**/.git', ...ignore]), matches(include)]
  return name => (only === undefined || name === only) && !left(name) && (include.length === 0 || taken(name))
}
