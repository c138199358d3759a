/** Memory that belongs to the runtime alone: private pages, from /proc/PID/smaps_rollup (proc_pid_smaps(5)). */

import { readFile } from 'node:fs/promises'
import { inspect } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { processesOf } from '../support/machine.ts'

export interface Memory {
  /** In kB, of all daemons together: dockerd and containerd, or skiffd. */
  daemonKb: number
  /** In kB, of the processes that stay beside each container. */
  perContainerKb: number
}

/** Private_Clean + Private_Dirty in kB. */
async function privateKb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0)
}

/** What an engine takes with some containers idling. */
export async function memoryOf(engine: Engine): Promise<Memory> {
  const containers: { Id: string }[] = await engine.api.get('/containers/json')
  const inside = new Set<number>()
  for (const { Id } of containers) inside.add((await inspect(engine, Id)).State.Pid)
  const result = { daemonKb: 0, perContainerKb: 0 }
  for (const pid of await processesOf(engine.folder)) {
    if (inside.has(pid)) continue
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim()
    const isDaemon = pid === (await engine.daemonPid()) || name === 'containerd'
    if (isDaemon) result.daemonKb += await privateKb(pid)
    else result.perContainerKb += (await privateKb(pid)) / containers.length
  }
  return result
}

/** In kB, the most that was resident at once since the daemons began, shared pages too: VmHWM in proc_pid_status(5). */
export async function peakKb(engine: Engine): Promise<number> {
  let sum = 0
  for (const pid of await processesOf(engine.folder)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const isDaemon = pid === (await engine.daemonPid()) || /^Name:\tcontainerd$/m.test(status)
    if (isDaemon) sum += Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
  }
  return sum
}
