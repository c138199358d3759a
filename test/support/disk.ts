/** A block device that a container can read from and write to, past the page cache: what throttles are tried on. */

import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'

export interface Disk {
  /** The device's path on the machine. */
  device: string
  /** What the container is given of it. */
  host: object
  /** The name of it in the container: 16 MiB that may be overwritten. */
  path: string
}

const BYTES = 16 * 2 ** 20

/** The virtual machine's disk; elsewhere a file on whatever temporary folders are on. undefined where that is no disk. */
export async function findDisk(): Promise<Disk | undefined> {
  if (process.env.SKIFF_VM) {
    const device = '/dev/vda'
    const mapping = { PathOnHost: device, PathInContainer: device, CgroupPermissions: 'rwm' }
    return { device, host: { Devices: [mapping] }, path: device }
  }
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-disk-`))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  const device = deviceOf(folder)
  if (device === undefined) return undefined
  // Not a hole: those are read without the device.
  writeFileSync(join(folder, 'file'), Buffer.alloc(BYTES, 'x'), { flush: true })
  return { device, host: { Binds: [`${folder}:/disk`] }, path: '/disk/file' }
}

/** The disk that a folder's file system is on; a partition's whole disk. An overlay or tmpfs has none. */
function deviceOf(folder: string): string | undefined {
  const { dev } = statSync(folder)
  // makedev(3), for numbers as small as those of disks.
  const link = `/sys/dev/block/${(dev >> 8) & 0xfff}:${dev & 0xff}`
  if (!existsSync(link)) return undefined
  const entry = realpathSync(link)
  const whole = existsSync(join(entry, 'partition')) ? dirname(entry) : entry
  const name = /^DEVNAME=(.*)$/m.exec(readFileSync(join(whole, 'uevent'), 'utf8'))?.[1]
  return name !== undefined && existsSync(`/dev/${name}`) ? `/dev/${name}` : undefined
}
