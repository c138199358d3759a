/** The comma-separated options of mount(8), split into what a mount has and what a file system is given. */

import { MOUNT_ATTR } from '../../program/flags.ts'
import type { Flags } from '../../program/step.ts'

type Attribute = Parameters<typeof MOUNT_ATTR>[0]

const SET: Record<string, Attribute> = {
  ro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  nodiratime: 'MOUNT_ATTR_NODIRATIME',
  nosymfollow: 'MOUNT_ATTR_NOSYMFOLLOW',
}
const CLEAR: Record<string, Attribute> = {
  rw: 'MOUNT_ATTR_RDONLY',
  suid: 'MOUNT_ATTR_NOSUID',
  dev: 'MOUNT_ATTR_NODEV',
  exec: 'MOUNT_ATTR_NOEXEC',
  diratime: 'MOUNT_ATTR_NODIRATIME',
  symfollow: 'MOUNT_ATTR_NOSYMFOLLOW',
}
/** They exclude each other: the last one holds. Relative times are what the kernel does by default. */
const ACCESS_TIME: Record<string, Attribute> = {
  atime: 'MOUNT_ATTR_RELATIME',
  nostrictatime: 'MOUNT_ATTR_RELATIME',
  relatime: 'MOUNT_ATTR_RELATIME',
  noatime: 'MOUNT_ATTR_NOATIME',
  strictatime: 'MOUNT_ATTR_STRICTATIME',
}
/** Words without a meaning of their own, and propagation, which every mount inside a container is given explicitly. */
const NOTHING = new Set([
  '',
  'defaults',
  'private',
  'rprivate',
  'slave',
  'rslave',
  'shared',
  'rshared',
  'bind',
  'rbind',
  'unbindable',
  'runbindable',
  'remount',
  'norelatime',
  'async',
])

export interface MountOptions {
  attributes: Flags
  /** For the file system: a key alone is a flag. */
  data: [key: string, value?: string][]
}

/** Later options win over earlier ones, as with mount(8). */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const set = new Set<Attribute>()
  let accessTime: Attribute | null = null
  const data = new Map<string, [string, string?]>()
  for (const option of options) {
    const [key = '', value] = splitOnce(option)
    if (SET[key] && value === undefined) set.add(SET[key])
    else if (CLEAR[key] && value === undefined) set.delete(CLEAR[key])
    else if (ACCESS_TIME[key]) accessTime = ACCESS_TIME[key]
    else if (!NOTHING.has(key)) data.set(key, value === undefined ? [key] : [key, value])
  }
  const names = accessTime && accessTime !== 'MOUNT_ATTR_RELATIME' ? [...set, accessTime] : [...set]
  return { attributes: MOUNT_ATTR(...names), data: [...data.values()] }
}

const splitOnce = (option: string): [string, string?] => {
  const at = option.indexOf('=')
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)]
}
