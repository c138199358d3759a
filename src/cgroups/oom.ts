/** Processes killed for want of memory. Kernel: cgroup-v1/memory.rst, "OOM Control"; cgroup-v2.rst, "memory.events". */

import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../kernel/errors.ts'
import { GroupFiles, groupTree } from './files.ts'
import type { OomEvent, Watch } from './types.ts'

/** memory.events counts the groups below, too. */
export function unifiedOomState(folder: string): OomEvent {
  return { kills: new GroupFiles(folder).keyed('memory.events')?.oom_kill ?? 0, underOom: false }
}

/** memory.oom_control counts its own group only. */
export function legacyOomState(folder: string): OomEvent {
  let kills = 0
  let underOom = false
  for (const group of groupTree(folder)) {
    const control = new GroupFiles(group).keyed('memory.oom_control')
    kills += control?.oom_kill ?? 0
    underOom ||= control?.under_oom === 1
  }
  return { kills, underOom }
}

/** The kernel announces a change of memory.events by inotify. */
export function watchUnifiedOom(folder: string, listener: (event: OomEvent) => void): Watch {
  const report = changes(() => unifiedOomState(folder), listener)
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(join(folder, 'memory.events'), report)
    // inotify reports the removal of the group as an error or a rename; then there is nothing left to report.
    watcher.on('error', () => watcher?.close())
    watcher.unref()
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return { close: () => watcher?.close() }
}

/**
 * v1 announces it through an eventfd only, on which Node's event loop cannot wait: a read of one would take one of the four
 * threads that all file work shares, and hold up the end of the process. One timer for all groups looks at the counters
 * instead. They are the kernel's own, so a late look loses nothing; who must know at the end of a container asks `oomKills`. Of many groups
 * it looks at some each time: a thousand would take it a tenth of a second.
 */
const LOOK_EVERY_MS = 250
const LOOKS_AT_ONCE = 32
const legacyWatches = new Set<() => void>()
let timer: NodeJS.Timeout | undefined

export function watchLegacyOom(folder: string, listener: (event: OomEvent) => void): Watch {
  const look = changes(() => legacyOomState(folder), listener)
  legacyWatches.add(look)
  timer ??= setInterval(() => {
    for (const each of [...take(legacyWatches, LOOKS_AT_ONCE)]) {
      // To the end of the line.
      legacyWatches.delete(each)
      legacyWatches.add(each)
      each()
    }
  }, LOOK_EVERY_MS).unref()
  return {
    close() {
      legacyWatches.delete(look)
      if (legacyWatches.size > 0) return
      clearInterval(timer)
      timer = undefined
    },
  }
}

/** A function that calls the listener if the state is another than when it was last called. */
function changes(state: () => OomEvent, listener: (event: OomEvent) => void): () => void {
  let last = state()
  return () => {
    const now = state()
    // A group that is gone counts nothing any more: no news.
    const isNews = now.kills > last.kills || now.underOom !== last.underOom
    last = now
    if (isNews) listener(now)
  }
}

function* take<T>(items: Iterable<T>, most: number): Iterable<T> {
  let left = most
  for (const item of items) {
    if (left-- === 0) return
    yield item
  }
}
