/** Processes and threads. Kernel: cgroup-v1/pids.rst; cgroup-v2.rst, "PID". The file is the same on both. */

import type { GroupFiles } from '../files.ts'
import type { ControllerFiles, ControllerModule } from '../setting.ts'
import type { CgroupStats } from '../types.ts'

const files: ControllerFiles = {
  settings({ pidsLimit }) {
    if (pidsLimit === undefined) return []
    const value = pidsLimit > 0 ? String(pidsLimit) : 'max'
    return [{ file: 'pids.max', value, why: 'fork and clone fail with EAGAIN beyond this many processes and threads' }]
  },
}

export const pids: ControllerModule = {
  controller: 'pids',
  asked: ({ pidsLimit }) => (pidsLimit !== undefined && pidsLimit > 0 ? 'a limit on processes' : null),
  legacy: files,
  unified: files,
}

export function pidsStats(group: GroupFiles): CgroupStats['pids'] {
  const current = group.number('pids.current')
  if (current === null) return null
  const limit = group.number('pids.max')
  return { current, limit: limit === Infinity ? null : limit }
}
