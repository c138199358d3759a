/** Pressure stall information. Kernel: accounting/psi.rst. v1 does not have it; a hybrid host's v2 group does. */

import type { GroupFiles } from './files.ts'
import type { CgroupStats, Pressure, PressureLine } from './types.ts'

const NONE: PressureLine = { avg10: 0, avg60: 0, avg300: 0, totalUs: 0 }

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, then the same for `full` (which older kernels do not have for the CPU). */
export function parsePressure(text: string): Pressure {
  const lines = new Map(text.split('\n').map(line => [line.slice(0, line.indexOf(' ')), parseLine(line)]))
  return { some: lines.get('some') ?? NONE, full: lines.get('full') ?? NONE }
}

function parseLine(line: string): PressureLine {
  const values = Object.fromEntries([...line.matchAll(/(\w+)=([\d.]+)/g)].map(([, key, value]) => [key, Number(value)]))
  return { avg10: values.avg10 ?? 0, avg60: values.avg60 ?? 0, avg300: values.avg300 ?? 0, totalUs: values.total ?? 0 }
}

export function pressureOf(group: GroupFiles): CgroupStats['pressure'] {
  const pressure: CgroupStats['pressure'] = {}
  for (const resource of ['cpu', 'memory', 'io'] as const) {
    const text = group.read(`${resource}.pressure`)
    if (text) pressure[resource] = parsePressure(text)
  }
  return pressure
}
