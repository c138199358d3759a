/**
 * A disk that can lose its power: an ext4 of its own in a file. The cut is the kernel's own (EXT4_IOC_SHUTDOWN without a flush of the
 * journal): what was not on the disk is gone, files that were only in memory come back empty or not at all, and the journal is replayed
 * at the next mount. Whoever used the disk dies, as with the machine.
 */

import { execFile } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { check } from '../../src/kernel/errors.ts'
import { syscall } from '../../src/kernel/syscall.ts'
import type { Daemon } from './daemon.ts'
import { disposeLater } from './disposal.ts'
import { processesOf, RUN } from './machine.ts'

const run = promisify(execFile)

/** _IOR('X', 125, __u32), fs/ext4/ext4.h; 2: not even the journal is written out. */
const EXT4_IOC_SHUTDOWN = 0x8004587d
const NO_LOG_FLUSH = 2

/** A minute. */
const MAX_TRIES = 3_000

export class Disk {
  private constructor(
    readonly folder: string,
    private readonly image: string,
  ) {}

  static async plugIn(megabytes = 256): Promise<Disk> {
    const folder = await mkdtemp(join(tmpdir(), `skiff-disk-${RUN}-`))
    const disk = new Disk(folder, `${folder}.img`)
    disposeLater(() => disk.#remove())
    await run('truncate', ['-s', `${megabytes}M`, disk.image])
    await run('mkfs.ext4', ['-q', '-F', disk.image])
    await disk.#mount()
    return disk
  }

  #mount = () => run('mount', ['-o', 'loop', this.image, this.folder])

  /** The power goes, and comes back: afterwards the disk is mounted again and nothing runs. */
  async loseAndRegain(skiff: Daemon): Promise<void> {
    const folder = openSync(this.folder, 'r')
    const how = Buffer.alloc(4)
    how.writeUInt32LE(NO_LOG_FLUSH)
    try {
      check('ioctl', syscall('ioctl', folder, EXT4_IOC_SHUTDOWN, how), { command: 'EXT4_IOC_SHUTDOWN' })
    } finally {
      closeSync(folder)
    }
    await skiff.kill9()
    await this.#killAll(skiff)
    await this.#unmount()
    // What /run is.
    await rm(skiff.execRoot, { recursive: true, force: true })
    await this.#mount()
  }

  async #killAll(skiff: Daemon): Promise<void> {
    for (;;) {
      const left = [...(await processesOf(this.folder)), ...(await processesOf(skiff.folder))]
      if (left.length === 0) return
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself.
        }
      }
      await pause(20)
    }
  }

  /** Mounts of containers that were killed a moment ago go away on their own; the loop device goes with the last one. */
  async #unmount(): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await run('umount', [this.folder])
        break
      } catch (error) {
        if (tries > MAX_TRIES) throw error
        await pause(20)
      }
    }
    // Any mount namespace of the machine that was copied meanwhile holds the file system, which has no power any more.
    for (let tries = 0; (await run('losetup', ['-j', this.image])).stdout !== ''; tries++) {
      if (tries > MAX_TRIES) throw new Error(`${this.image} is still in use`)
      await pause(20)
    }
  }

  async #remove(): Promise<void> {
    await this.#unmount()
    await rm(this.image, { force: true })
    await rmdir(this.folder)
  }
}
