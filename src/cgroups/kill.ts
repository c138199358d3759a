/** SIGKILL for a whole group, so that none that forks in the meantime gets away. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { hasCode, Unavailable } from '../kernel/errors.ts'
import { GroupFiles, processesBelow, writeValue } from './files.ts'

/** cgroup-v2.rst, "cgroup.kill": the kernel does it, in the whole subtree, atomically against fork. Frozen ones die, too. */
export function canKillUnified(folder: string): boolean {
  return existsSync(join(folder, 'cgroup.kill'))
}

export const killUnified = (folder: string): void => writeValue(join(folder, 'cgroup.kill'), '1')

const ROUNDS = 1000

/**
 * v1: freeze so that nobody forks, signal all, thaw so that they die of it. Does not wait for the freeze to be complete:
 * each round signals who is there, and who is still running then can only have forked before its own signal.
 */
export async function killLegacy(folder: string, freezerFolder: string | null): Promise<void> {
  const state = freezerFolder && join(freezerFolder, 'freezer.state')
  const isPaused = freezerFolder !== null && new GroupFiles(freezerFolder).read('freezer.state') !== 'THAWED'
  if (state && !isPaused) writeValue(state, 'FROZEN')
  try {
    const signalled = new Set<number>()
    for (let round = 0; round < ROUNDS; round++) {
      const fresh = processesBelow(folder).filter(pid => !signalled.has(pid))
      if (fresh.length === 0) return
      for (const pid of fresh) {
        signal(pid)
        signalled.add(pid)
      }
      await yieldToLoop()
    }
    throw new Unavailable(`the processes of ${folder} fork faster than they can be killed`)
  } finally {
    if (state) writeValue(state, 'THAWED')
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It has ended by itself.
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
