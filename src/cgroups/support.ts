/** What limits can be set here: whether the kernel has the file. */

import { GroupFiles } from './files.ts'
import type { Trees } from './trees.ts'
import type { CgroupSupport, Controller } from './types.ts'

/** `parent` is a group that exists; it has the files that groups below it have. */
export function supportOf(trees: Trees, parent: (base: string) => string): CgroupSupport {
  const has = (
    controller: Controller,
    legacyFile: string | string[],
    unifiedFile: string | string[] | null,
  ): boolean => {
    const tree = trees.serving(controller)
    const file = tree?.hierarchy.version === 1 ? legacyFile : unifiedFile
    if (!tree || file === null) return false
    const files = new GroupFiles(parent(tree.base))
    return [file].flat().some(name => files.has(name))
  }
  const pressure = trees.unified && new GroupFiles(parent(trees.unified.base)).read('cpu.pressure')
  return {
    memoryLimit: has('memory', 'memory.limit_in_bytes', 'memory.max'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes', 'memory.low'),
    swapLimit: has('memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max'),
    memorySwappiness: has('memory', 'memory.swappiness', null),
    oomKillDisable: has('memory', 'memory.oom_control', null),
    cpuShares: has('cpu', 'cpu.shares', 'cpu.weight'),
    cpuCfsPeriod: has('cpu', 'cpu.cfs_period_us', 'cpu.max'),
    cpuCfsQuota: has('cpu', 'cpu.cfs_quota_us', 'cpu.max'),
    cpuRealtime: has('cpu', 'cpu.rt_runtime_us', null),
    cpuSet: has('cpuset', 'cpuset.cpus', 'cpuset.cpus'),
    pidsLimit: has('pids', 'pids.max', 'pids.max'),
    blkioWeight: has('blkio', ['blkio.weight', 'blkio.bfq.weight'], ['io.weight', 'io.bfq.weight']),
    blkioWeightDevice: has('blkio', ['blkio.weight_device', 'blkio.bfq.weight_device'], ['io.weight', 'io.bfq.weight']),
    blkioThrottle: has('blkio', 'blkio.throttle.read_bps_device', 'io.max'),
    devices: trees.serving('devices') !== undefined,
    freezer: trees.serving('freezer') !== undefined,
    hugepages: trees.serving('hugetlb') !== undefined,
    pressure: typeof pressure === 'string',
  }
}
