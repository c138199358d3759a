/** rmdir for groups: the files in the folder go with it, nested groups must go first. */

import { rmdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Conflict, hasCode } from '../kernel/errors.ts'
import { takeSteps } from '../kernel/file-steps.ts'
import { groupTree, processesBelow } from './files.ts'

/** How long processes may take to die of a SIGKILL (releasing gigabytes of memory takes a while) before removal is given up. */
const PATIENCE_MS = 10_000
const LONGEST_PAUSE_MS = 100

/** From here on it is worth waking up another thread: on v2 alone, a container has one. */
export const MANY_FOLDERS = 4

/** A container's group in all hierarchies. */
export async function removeGroups(folders: readonly string[]): Promise<void> {
  const gone = folders.length < MANY_FOLDERS ? 0 : await takeSteps(folders.map(remove => ({ remove })))
  // Together: what the first waits for (processes that die) the others wait for, too.
  const results = await Promise.allSettled(folders.slice(gone).map(folder => removeGroup(folder)))
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}

/** Removes a group and those below it; waits for processes that are dying. Not there: fine. Conflict: they live on. */
export async function removeGroup(folder: string, patienceMs = PATIENCE_MS): Promise<void> {
  for (let waited = 0, pause = 1; ; waited += pause, pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (tryRemoveGroup(folder)) return
    if (waited >= patienceMs) {
      const pids = processesBelow(folder)
      throw new Conflict(
        `cannot remove cgroup ${folder}: it is in use${pids.length > 0 ? ` by ${pids.join(', ')}` : ''}`,
      )
    }
    await sleep(pause)
  }
}

/** One attempt; false: it has processes (EBUSY), or got a new group below it in this moment. */
export function tryRemoveGroup(folder: string): boolean {
  const groups = quickly(folder) ? [] : [...groupTree(folder)].reverse()
  return groups.every(quickly)
}

/** Most groups have none below: rmdir at once costs less than looking. */
function quickly(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return false
    throw error
  }
}
