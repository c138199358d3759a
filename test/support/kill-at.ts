/** skiffd with a counter in it (test/faults/programs/kill-at.c): kills it at any point between two changes that it makes to the machine. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'

const BUILD = fileURLToPath(new URL('../../build', import.meta.url))
const PROGRAMS = fileURLToPath(new URL('../faults/programs', import.meta.url))

export interface Countdown {
  skiff: Daemon
  /** How many changes the daemon makes while `work` runs. */
  count(work: () => Promise<unknown>): Promise<number>
  /** Kills the daemon before the `point`th change, counted from 1. False: there were fewer, and it lives. */
  killAt(point: number, work: () => Promise<unknown>): Promise<boolean>
}

/** Compiles a library that is loaded into the daemon, one caller at a time. */
export async function buildPreload(name: string): Promise<string> {
  await mkdir(BUILD, { recursive: true })
  const library = join(BUILD, `${name}.so`)
  await promisify(execFile)('flock', [
    join(BUILD, `${name}.lock`),
    ...['cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-o', library, join(PROGRAMS, `${name}.c`), '-ldl'],
  ])
  return library
}

export async function startWithCountdown(options: DaemonOptions = {}): Promise<Countdown> {
  const library = await buildPreload('kill-at')
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-kill-at-`))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  const control = join(folder, 'words')
  await writeFile(control, Buffer.alloc(4096))
  const env = { ...options.env, LD_PRELOAD: library, SKIFF_TEST_KILL_AT: control }
  const skiff = await startDaemon({ ...options, env })
  const set = async (point: number, work: () => Promise<unknown>): Promise<number> => {
    const words = Buffer.alloc(12)
    words.writeInt32LE(await skiff.daemonPid(), 0)
    words.writeInt32LE(point, 8)
    const file = await open(control, 'r+')
    try {
      await file.write(words, 0, 12, 0)
      await work()
      // Nothing is counted any more, and nobody killed, when the count is read.
      await file.write(Buffer.alloc(4), 0, 4, 0)
      await file.read(words, 0, 12, 0)
      return words.readInt32LE(4)
    } finally {
      await file.close()
    }
  }
  return {
    skiff,
    count: work => set(0, work),
    killAt: async (point, work) => {
      const reached = await set(point, () => work().catch(() => undefined))
      return reached >= point
    },
  }
}
