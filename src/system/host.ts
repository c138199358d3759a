/** Facts about the machine, read when they are asked for. proc(5), os-release(5), statfs(2) */

import { readdir, readFile, statfs } from 'node:fs/promises'
import { hasCode } from '../kernel/errors.ts'

/** '' for a file that is not there. */
export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return ''
    throw error
  }
}

const isOn = async (path: string): Promise<boolean> => (await readIfThere(path)).trim() === '1'

export interface OperatingSystem {
  /** `Debian GNU/Linux 12 (bookworm)` */
  name: string
  version: string
}

/** VARIABLE=value, the value perhaps in quotes. os-release(5) */
export function parseOsRelease(text: string): OperatingSystem {
  const values = new Map(
    [...text.matchAll(/^([A-Z_]+)=(["']?)(.*)\2$/gm)].map(([, key = '', , value = '']) => [key, value]),
  )
  return {
    name: values.get('PRETTY_NAME') ?? values.get('NAME') ?? 'Linux',
    version: values.get('VERSION_ID') ?? '',
  }
}

/** PID 1 of a machine is at the top of every hierarchy, or where systemd puts itself. */
const isContainerized = (cgroups: string): boolean =>
  cgroups.split('\n').some(line => line !== '' && !/^\d+:[^:]*:\/(init\.scope)?$/.test(line))

export async function operatingSystem(): Promise<OperatingSystem> {
  const text = (await readIfThere('/etc/os-release')) || (await readIfThere('/usr/lib/os-release'))
  const { name, version } = parseOsRelease(text)
  return { name: isContainerized(await readIfThere('/proc/1/cgroup')) ? `${name} (containerized)` : name, version }
}

export const networking = async () => ({
  ipv4Forwarding: await isOn('/proc/sys/net/ipv4/ip_forward'),
  bridgeNfIptables: await isOn('/proc/sys/net/bridge/bridge-nf-call-iptables'),
  bridgeNfIp6tables: await isOn('/proc/sys/net/bridge/bridge-nf-call-ip6tables'),
})

/** Of this process. */
export const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length
export const threads = async (): Promise<number> => (await readdir('/proc/self/task')).length

/** Names as Docker shows them. Numbers: linux/magic.h */
const FILE_SYSTEMS: Record<number, string> = {
  61267: 'extfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
}

export async function fileSystemOf(path: string): Promise<string> {
  const { type } = await statfs(path)
  return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`
}
