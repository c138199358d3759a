/** What the daemon decides where the request is silent; `inspect` shows the result. */

import type { Cgroups } from '../../cgroups/types.ts'
import type { ContainerDefaults } from '../context.ts'
import { parseSecurityOptions } from '../spec/security-options.ts'
import type { HostConfig } from '../types.ts'

/** Docker's lists for a container that is not privileged. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export function withDefaults(
  host: HostConfig,
  defaults: ContainerDefaults,
  cgroups: Pick<Cgroups, 'mode'>,
): HostConfig {
  const unmasked = host.privileged || parseSecurityOptions(host.securityOpt).systemPathsUnconfined
  return {
    ...host,
    networkMode: networkMode(host, defaults),
    ipcMode: host.ipcMode || defaults.ipcMode,
    cgroupnsMode: host.cgroupnsMode || cgroupnsMode(host, defaults, cgroups),
    restartPolicy: { ...host.restartPolicy, name: host.restartPolicy.name || 'no' },
    logConfig: logConfig(host, defaults),
    shmBytes: host.shmBytes || defaults.shmBytes,
    runtime: host.runtime || 'skiff',
    resources: withSwap(host.resources),
    maskedPaths: host.maskedPaths ?? (unmasked ? [] : MASKED_PATHS),
    readonlyPaths: host.readonlyPaths ?? (unmasked ? [] : READONLY_PATHS),
  }
}

function networkMode({ networkMode: mode }: HostConfig, { hasDefaultBridge }: ContainerDefaults): string {
  if (!['', 'default', 'bridge'].includes(mode)) return mode
  return hasDefaultBridge ? 'bridge' : 'none'
}

function logConfig({ logConfig: own }: HostConfig, { logConfig: general }: ContainerDefaults): HostConfig['logConfig'] {
  if (own.type === '') return { type: general.type, config: { ...general.config, ...own.config } }
  // The daemon's options are those of its own driver.
  return own.type === general.type ? { type: own.type, config: { ...general.config, ...own.config } } : own
}

function cgroupnsMode(host: HostConfig, defaults: ContainerDefaults, { mode }: Pick<Cgroups, 'mode'>): string {
  if (host.privileged && mode !== 'unified') return 'host'
  return defaults.cgroupnsMode || (mode === 'unified' ? 'private' : 'host')
}

/** Memory and swap together are twice the memory, unless said otherwise. */
function withSwap(resources: HostConfig['resources']): HostConfig['resources'] {
  const { memoryBytes = 0, memorySwapBytes = 0 } = resources
  return memoryBytes > 0 && memorySwapBytes === 0 ? { ...resources, memorySwapBytes: memoryBytes * 2 } : resources
}
