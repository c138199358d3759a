/** What the kernel keeps of a container's limits and use, read in the container's groups. Kernel: cgroup-v2.rst, cgroup-v1/. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from './containers.ts'
import type { Engine } from './engine.ts'

/** Where a controller of version 1 is mounted, if it is; null stands for version 2. */
function mountOf(controller: string | null): { point: string; root: string } | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root = '', point = ''] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    if (controller === null ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller))
      return { point, root }
  }
  return undefined
}

/** Whether a controller is bound to version 1 on this machine. */
export const isLegacy = (controller: string): boolean => mountOf(controller) !== undefined

/** The folder of the container's group that has this controller. */
export async function groupOf(engine: Engine, id: string, controller: string): Promise<string> {
  const { Pid } = (await inspect(engine, id)).State
  const legacy = isLegacy(controller)
  const mount = mountOf(legacy ? controller : null)
  const line = readFileSync(`/proc/${Pid}/cgroup`, 'utf8')
    .split('\n')
    .find(candidate =>
      legacy ? candidate.split(':')[1]?.split(',').includes(controller) : candidate.startsWith('0::'),
    )
  if (mount === undefined || line === undefined) throw new Error(`no cgroup of ${controller} for ${Pid}`)
  const path = line.split(':').slice(2).join(':')
  const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) : path
  return join(mount.point, below)
}

/** A file of the group: by its name on version 1, and on version 2. */
export async function groupFile(
  engine: Engine,
  id: string,
  controller: string,
  names: { v1: string; v2: string },
): Promise<string> {
  const name = isLegacy(controller) ? names.v1 : names.v2
  return readFileSync(join(await groupOf(engine, id, controller), name), 'utf8').trim()
}

/** Lines of `key value`. */
const keyed = (text: string): Record<string, number> =>
  Object.fromEntries(
    text.split('\n').map(line => {
      const [key = '', value] = line.split(' ')
      return [key, Number(value)]
    }),
  )

export interface CpuUse {
  /** CPU time used, in µs. */
  usedUs: number
  /** Periods in which the group ran, and those in which it was stopped for having used up its quota. */
  periods: number
  throttled: number
}

export async function cpuUse(engine: Engine, id: string): Promise<CpuUse> {
  const stat = keyed(await groupFile(engine, id, 'cpu', { v1: 'cpu.stat', v2: 'cpu.stat' }))
  const usedUs = isLegacy('cpuacct')
    ? Number(readFileSync(join(await groupOf(engine, id, 'cpuacct'), 'cpuacct.usage'), 'utf8')) / 1000
    : (stat.usage_usec ?? 0)
  return { usedUs, periods: stat.nr_periods ?? 0, throttled: stat.nr_throttled ?? 0 }
}

/** Looks until the condition holds; the test's own time limit is the guard. */
export async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    await sleep(50)
  }
}
