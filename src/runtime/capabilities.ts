/**
 * Capabilities by name. Numbers: the kernel's include/uapi/linux/capability.h; see capabilities(7). Which ones a container has by
 * default, and how --cap-add and --cap-drop are read: Docker's documentation, "Runtime privilege and Linux capabilities".
 */

import { readFileSync } from 'node:fs'
import { InvalidParameter } from '../kernel/errors.ts'
import type { Capabilities } from './spec.ts'

/** In the order of their numbers. */
const NAMES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const

const NUMBERS = new Map<string, number>(NAMES.map((name, number) => [name, number]))

export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** @throws InvalidParameter */
export function capabilityNumber(name: string): number {
  const number = NUMBERS.get(name)
  if (number === undefined) throw new InvalidParameter(`unknown capability: "${name}"`)
  return number
}

/** A kernel newer than this table has capabilities without a name here. */
export const capabilityName = (number: number): string => NAMES[number] ?? `CAP_${number}`

export const capabilityMask = (names: readonly string[]): bigint =>
  names.reduce((mask, name) => mask | (1n << BigInt(capabilityNumber(name))), 0n)

export const capabilitiesIn = (mask: bigint): string[] => NAMES.filter((_, number) => (mask >> BigInt(number)) & 1n)

let available: string[] | undefined

/** What this process can hand on: its own effective set, which nothing here changes. A nested daemon has less than all. See proc_pid_status(5). */
export function availableCapabilities(): readonly string[] {
  available ??= readAvailable()
  return available
}

function readAvailable(): string[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return capabilitiesIn(BigInt(`0x${line?.[1] ?? '0'}`))
}

export interface CapabilityRequest {
  add: readonly string[]
  drop: readonly string[]
  privileged: boolean
}

/** 'net_admin' and 'NET_ADMIN' are CAP_NET_ADMIN; 'all' and 'CAP_ALL' are ALL. @throws InvalidParameter in Docker's words */
function normalize(names: readonly string[], field: 'CapAdd' | 'CapDrop', available: readonly string[]): Set<string> {
  return new Set(
    names.map(written => {
      const upper = written.toUpperCase()
      if (upper === 'ALL' || upper === 'CAP_ALL') return 'ALL'
      const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
      if (!NUMBERS.has(name)) throw new InvalidParameter(`invalid ${field}: unknown capability: "${name}"`)
      // What is not there can be dropped, but not added.
      if (field === 'CapAdd' && !available.includes(name)) {
        throw new InvalidParameter(
          `invalid ${field}: capability not supported by your kernel or not available in the current environment: "${name}"`,
        )
      }
      return name
    }),
  )
}

/**
 * The names a container has, from what was asked for, in the order of the default list, then of the request. `available` is what
 * the daemon itself has.
 */
export function chooseCapabilities(
  request: CapabilityRequest,
  available: readonly string[] = availableCapabilities(),
): string[] {
  const add = normalize(request.add, 'CapAdd', available)
  const drop = normalize(request.drop, 'CapDrop', available)
  if (request.privileged) return [...available]
  const defaults = DEFAULT_CAPABILITIES.filter(name => available.includes(name))
  if (add.has('ALL')) return available.filter(name => !drop.has(name))
  if (drop.has('ALL')) return [...add]
  return [...new Set([...defaults.filter(name => !drop.has(name)), ...add])]
}

/**
 * The sets of a process. Inheritable and ambient stay empty: files with inheritable capabilities would give them to
 * users who are not root (CVE-2022-24769).
 */
export const capabilitySets = (names: readonly string[]): Capabilities => ({
  bounding: names,
  permitted: names,
  effective: names,
  inheritable: [],
  ambient: [],
})
