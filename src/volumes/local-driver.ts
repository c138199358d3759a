/**
 * The driver `local` with options: what `volume create -o type=… -o device=… -o o=…` stands for. As Docker's local driver,
 * which hands them to mount(2).
 */

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { getSystemErrorMap } from 'node:util'
import { errnoName, InvalidParameter, KernelError, SkiffError } from '../kernel/errors.ts'
import { syscall } from '../kernel/syscall.ts'

const OPTIONS = ['type', 'device', 'o']
const REQUIRED = ['device', 'type']

/** include/uapi/linux/mount.h; the words of mount(8) that are flags and not data. */
const MOUNT_FLAGS: Record<string, number> = {
  ro: 1,
  rw: 0,
  nosuid: 2,
  suid: 0,
  nodev: 4,
  dev: 0,
  noexec: 8,
  exec: 0,
  sync: 16,
  noatime: 1024,
  nodiratime: 2048,
  relatime: 1 << 21,
  strictatime: 1 << 24,
  bind: 4096,
  rbind: 4096 | 16384,
}
const MS_BIND = 4096
const MNT_DETACH = 2

/** @throws InvalidParameter in Docker's words */
export function checkOptions(name: string, options: Record<string, string>): void {
  const unknown = Object.keys(options).find(key => !OPTIONS.includes(key))
  if (unknown !== undefined) throw new InvalidParameter(`create ${name}: invalid option: "${unknown}"`)
  if (!needsMount(options)) return
  const missing = REQUIRED.find(key => !options[key])
  if (missing !== undefined) throw new InvalidParameter(`create ${name}: missing required option: "${missing}"`)
}

export const needsMount = (options: Record<string, string>): boolean => Object.keys(options).length > 0

/** A mount that the kernel refused, told as Docker tells it. */
export class VolumeMountFailed extends SkiffError {}

/** Mounts what the options ask for on `target`. Shell: `mount -t TYPE -o O DEVICE TARGET` @throws VolumeMountFailed */
export async function mountVolume(options: Record<string, string>, target: string): Promise<void> {
  const { type = 'none', device = '' } = options
  const { flags, data, bind } = parse(await withAddress(type, options.o ?? '', target))
  const result = syscall('mount', device, target, bind ? null : type, flags, data || null)
  if (result >= 0) return
  const details = [
    `mount ${device}:${target}`,
    ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
    ...(data === '' ? [] : [`data: ${data}`]),
  ].join(', ')
  throw new VolumeMountFailed(
    `error while mounting volume '${target}': failed to mount local volume: ${details}: ${wordsFor(result)}`,
    { cause: new KernelError('mount', -result, { type, device, target }) },
  )
}

/** "no such file or directory" for -2 */
const wordsFor = (result: number): string => getSystemErrorMap().get(result)?.[1] ?? errnoName(-result)

/** The kernel's NFS and CIFS clients resolve no names: mount.nfs(8) does it for them, and so do we. */
async function withAddress(type: string, o: string, target: string): Promise<string> {
  const host = /(?:^|,)addr=([^,]+)/.exec(o)?.[1]
  if (!['nfs', 'nfs4', 'cifs'].includes(type) || host === undefined || isIP(host) !== 0) return o
  try {
    return o.replace(`addr=${host}`, `addr=${(await lookup(host)).address}`)
  } catch (cause) {
    throw new VolumeMountFailed(
      `error while mounting volume '${target}': error resolving passed in network volume address: lookup ${host}: no such host`,
      { cause },
    )
  }
}

/** Shell: `umount -l TARGET`. Nothing happens if nothing is mounted there. */
export function unmountVolume(target: string): void {
  const result = syscall('umount2', target, MNT_DETACH)
  // EINVAL: not a mount point; ENOENT: removed by somebody else.
  if (result < 0 && result !== -22 && result !== -2) throw new KernelError('umount2', -result, { target })
}

function parse(o: string): { flags: number; data: string; bind: boolean } {
  const words = o.split(',').filter(Boolean)
  const flags = words.reduce((sum, word) => sum | (MOUNT_FLAGS[word] ?? 0), 0)
  return { flags, data: words.filter(word => !(word in MOUNT_FLAGS)).join(','), bind: (flags & MS_BIND) !== 0 }
}
