/** Huge pages. Kernel: cgroup-v1/hugetlb.rst; cgroup-v2.rst, "HugeTLB". */

import { readdirSync } from 'node:fs'
import type { GroupFiles } from '../files.ts'
import type { ControllerModule } from '../setting.ts'
import type { CgroupStats, Resources } from '../types.ts'

const WHY = 'a page fault beyond this ends in SIGBUS'

export const hugetlb: ControllerModule = {
  controller: 'hugetlb',
  asked: ({ hugepages }: Resources) => (hugepages?.length ? 'a limit on huge pages' : null),
  legacy: {
    settings: ({ hugepages = [] }) =>
      hugepages.map(({ pageSize, limitBytes }) => ({
        file: `hugetlb.${pageSize}.limit_in_bytes`,
        value: String(limitBytes),
        why: WHY,
      })),
  },
  unified: {
    settings: ({ hugepages = [] }) =>
      hugepages.map(({ pageSize, limitBytes }) => ({
        file: `hugetlb.${pageSize}.max`,
        value: limitBytes === -1 ? 'max' : String(limitBytes),
        why: WHY,
      })),
  },
}

/** `2MB`, `1GB`: from /sys/kernel/mm/hugepages/hugepages-2048kB. The machine does not grow new sizes: read once. */
let pageSizes: string[] | undefined

function knownPageSizes(): string[] {
  pageSizes ??= readPageSizes()
  return pageSizes
}

function readPageSizes(): string[] {
  try {
    return readdirSync('/sys/kernel/mm/hugepages').map(name => pageSizeName(Number(/\d+/.exec(name)?.[0] ?? 0)))
  } catch {
    // No sysfs, or a kernel without huge pages: nothing to count.
    return []
  }
}

/** As mm/hugetlb_cgroup.c spells it in file names. */
export function pageSizeName(kilobytes: number): string {
  if (kilobytes >= 1024 * 1024) return `${kilobytes / (1024 * 1024)}GB`
  return kilobytes >= 1024 ? `${kilobytes / 1024}MB` : `${kilobytes}KB`
}

export function legacyHugetlbStats(group: GroupFiles): CgroupStats['hugetlb'] {
  const stats: CgroupStats['hugetlb'] = {}
  for (const size of knownPageSizes()) {
    const usageBytes = group.number(`hugetlb.${size}.usage_in_bytes`)
    if (usageBytes === null) continue
    const maxUsageBytes = group.number(`hugetlb.${size}.max_usage_in_bytes`)
    stats[size] = { usageBytes, maxUsageBytes, failCount: group.number(`hugetlb.${size}.failcnt`) ?? 0 }
  }
  return stats
}

export function unifiedHugetlbStats(group: GroupFiles): CgroupStats['hugetlb'] {
  const stats: CgroupStats['hugetlb'] = {}
  for (const size of knownPageSizes()) {
    const usageBytes = group.number(`hugetlb.${size}.current`)
    if (usageBytes === null) continue
    const failCount = group.keyed(`hugetlb.${size}.events`)?.max ?? 0
    stats[size] = { usageBytes, maxUsageBytes: null, failCount }
  }
  return stats
}
