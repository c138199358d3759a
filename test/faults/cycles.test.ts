/** Two hundred containers come and go, eight at a time: nothing of them stays, on the machine or in the daemon. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cgroups, entries, lookAtMachine, processesOf } from '../support/machine.ts'

const CYCLES = 200
const CLIENTS = 8

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
})

/** One container from creation to removal, ended in one of the ways that there are. */
async function cycle(number: number): Promise<void> {
  const id = await start(skiff, {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    HostConfig: { NetworkMode: 'none' },
    Tty: number % 2 === 0,
  })
  if (number % 4 < 2) {
    await skiff.api.post(`/containers/${id}/kill`)
    expect(await wait(skiff, id)).toBe(137)
  }
  await remove(skiff, id)
}

async function cycles(count: number): Promise<void> {
  let next = 0
  const client = async () => {
    while (next < count) await cycle(next++)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** What the daemon holds: processes, mounts, cgroups, open descriptors, folders. */
async function holdings(): Promise<{ descriptors: number } & Record<string, unknown>> {
  const pid = await skiff.daemonPid()
  return {
    processes: await processesOf(skiff.folder),
    mounts: (await lookAtMachine()).mounts.filter(line => line.includes(skiff.folder)),
    cgroups: (await cgroups()).filter(path => path.includes(skiff.cgroupParent)),
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
    stateFolders: await entries(join(skiff.dataRoot, 'containers')),
    runtimeFolders: await entries(join(skiff.execRoot, 'containers')),
  }
}

test(`${CYCLES} containers leave the machine and the daemon as they were`, { timeout: 600_000 }, async () => {
  // Some first: pools, worker threads and connections are made on demand, and stay.
  await cycles(2 * CLIENTS)
  const before = await holdings()
  await cycles(CYCLES)
  expect(await skiff.api.get('/containers/json', { all: true })).toEqual([])
  // A shim ends after it has reported the end of its container, and nobody waits for that.
  // Worker threads that have nothing to do end, with their descriptors: there may be fewer, and never more.
  const descriptors = expect.toSatisfy((count: number) => count <= before.descriptors)
  await expect.poll(holdings, { timeout: 30_000 }).toEqual({ ...before, descriptors })
})
