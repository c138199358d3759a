/** What this host cannot do, in the words of `docker info`. */

import type { CgroupSupport } from '../cgroups/types.ts'

const MISSING: [keyof CgroupSupport, string][] = [
  ['memoryLimit', 'No memory limit support'],
  ['swapLimit', 'No swap limit support'],
  ['cpuCfsQuota', 'No cpu cfs quota support'],
  ['cpuCfsPeriod', 'No cpu cfs period support'],
  ['cpuShares', 'No cpu shares support'],
  ['cpuSet', 'No cpuset support'],
  ['pidsLimit', 'No pids limit support'],
  ['blkioWeight', 'No blkio weight support'],
  ['blkioThrottle', 'No blkio throttle support'],
  ['devices', 'No device access control: containers can open any device that they can make'],
  ['freezer', 'No freezer: containers cannot be paused'],
]

export const hostWarnings = (supports: CgroupSupport, ipv4Forwarding: boolean): string[] => [
  ...MISSING.filter(([feature]) => !supports[feature]).map(([, words]) => `WARNING: ${words}`),
  ...(ipv4Forwarding ? [] : ['WARNING: IPv4 forwarding is disabled']),
]
