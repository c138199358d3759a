/** On which CPUs and memory nodes. Kernel: cgroup-v1/cpusets.rst; cgroup-v2.rst, "Cpuset". */

import type { Assignment, ControllerFiles, ControllerModule, GroupState } from '../setting.ts'
import type { Resources } from '../types.ts'

const legacy: ControllerFiles = {
  settings({ cpusetCpus, cpusetMems }, group) {
    return [
      ...inheritOr('cpuset.cpus', cpusetCpus, 'only on these CPUs', group),
      ...inheritOr('cpuset.mems', cpusetMems, 'memory only from these nodes', group),
    ]
  },
}

/** A new v1 group has no CPU and no memory node at all, and no process may join it (ENOSPC) until it has both. */
function inheritOr(file: string, wanted: string | undefined, why: string, group: GroupState): Assignment[] {
  if (wanted) return [{ file, value: wanted, why }]
  const inherited = group.read(file) ? null : group.readParent(file)
  return inherited
    ? [{ file, value: inherited, why: 'as the parent: a v1 group starts with none and cannot be joined' }]
    : []
}

const unified: ControllerFiles = {
  settings({ cpusetCpus, cpusetMems }) {
    const settings: Assignment[] = []
    if (cpusetCpus) settings.push({ file: 'cpuset.cpus', value: cpusetCpus, why: 'only on these CPUs' })
    if (cpusetMems) settings.push({ file: 'cpuset.mems', value: cpusetMems, why: 'memory only from these nodes' })
    return settings
  },
}

export const cpuset: ControllerModule = {
  controller: 'cpuset',
  asked: ({ cpusetCpus, cpusetMems }: Resources) => (cpusetCpus || cpusetMems ? 'a set of CPUs or memory nodes' : null),
  legacy,
  unified,
}
