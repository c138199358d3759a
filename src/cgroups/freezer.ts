/**
 * Stopping all processes of a group where they are. Kernel: cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst, "cgroup.freeze".
 * v2's is preferred wherever there is a v2 group: its frozen processes can be killed and traced.
 */

import { watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../kernel/errors.ts'
import { GroupFiles, writeValue } from './files.ts'

export interface Freezer {
  freeze(): Promise<void>
  thaw(): Promise<void>
  isFrozen(): boolean
}

/** How long a process may take to reach a point where it can be stopped (one in uninterruptible sleep never does). */
const PATIENCE_MS = 10_000
const FIRST_LOOK_MS = 1
const LAST_LOOK_MS = 50

export function unifiedFreezer(folder: string): Freezer {
  const files = new GroupFiles(folder)
  const isFrozen = () => files.keyed('cgroup.events')?.frozen === 1
  return {
    isFrozen,
    async freeze() {
      writeValue(join(folder, 'cgroup.freeze'), '1')
      if (await eventually(isFrozen, join(folder, 'cgroup.events'))) return
      writeValue(join(folder, 'cgroup.freeze'), '0')
      throw notStopped(folder)
    },
    async thaw() {
      writeValue(join(folder, 'cgroup.freeze'), '0')
      await eventually(() => !isFrozen(), join(folder, 'cgroup.events'))
    },
  }
}

/** Waits for a condition that the kernel announces by changing a file (inotify); a look now and then covers a lost event. */
async function eventually(condition: () => boolean, announcedIn: string): Promise<boolean> {
  if (condition()) return true
  return new Promise(resolve => {
    const watcher = watch(announcedIn)
    const looks = setInterval(look, LAST_LOOK_MS)
    const patience = setTimeout(() => end(condition()), PATIENCE_MS)
    watcher.on('change', look)
    watcher.on('error', () => end(condition()))
    // Between the first look and the watch it may have happened already.
    look()
    function look(): void {
      if (condition()) end(true)
    }
    function end(met: boolean): void {
      watcher.close()
      clearInterval(looks)
      clearTimeout(patience)
      resolve(met)
    }
  })
}

export function legacyFreezer(folder: string): Freezer {
  const state = join(folder, 'freezer.state')
  const files = new GroupFiles(folder)
  const isFrozen = () => files.read('freezer.state') === 'FROZEN'
  return {
    isFrozen,
    async freeze() {
      // The state turns FROZEN only when it is read, and a process that joins or is traced while it is FREEZING can keep it
      // there: writing it again makes the kernel go through the processes once more.
      for (
        let waited = 0, pause = FIRST_LOOK_MS;
        waited < PATIENCE_MS;
        waited += pause, pause = Math.min(pause * 2, LAST_LOOK_MS)
      ) {
        writeValue(state, 'FROZEN')
        if (isFrozen()) return
        await sleep(pause)
      }
      writeValue(state, 'THAWED')
      throw notStopped(folder)
    },
    async thaw() {
      writeValue(state, 'THAWED')
    },
  }
}

const notStopped = (folder: string): Unavailable =>
  new Unavailable(`the processes of ${folder} could not be stopped within ${PATIENCE_MS / 1000} s`)
