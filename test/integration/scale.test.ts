/** Sixty containers at once, as test/bench/scale does with a thousand: what of it is no matter of time. */

import { beforeAll, expect, test, vi } from 'vitest'
import { exec, inspect } from '../support/containers.ts'
import { Crowd } from '../support/crowd.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

const COUNT = 60
/** A shim has some forty kilobytes of its own. */
const MOST_PER_SHIM_KB = 150
/** Beside it: what the daemon knows of a container. Young garbage is in it, too. */
const MOST_PER_CONTAINER_KB = 1_500

let skiff: Daemon
let crowd: Crowd

beforeAll(async () => {
  skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
  crowd = new Crowd(skiff, COUNT)
  await crowd.makeNetworks()
})

const numbers = Array.from({ length: COUNT }, (_, number) => `crowd-${number}`).sort()
const namesOf = (list: { Names: string[] }[]) => list.map(({ Names }) => Names[0]?.slice(1)).sort()

/** Every name is found by another container's name server, at the address that inspect tells. */
async function expectNames(): Promise<void> {
  for (const number of [1, COUNT - 1]) {
    const { NetworkSettings } = await inspect(skiff, `crowd-${number}`)
    const { stdout } = await exec(skiff, 'crowd-0', ['nslookup', `crowd-${number}`])
    expect(stdout).toContain(NetworkSettings.Networks.crowd0.IPAddress)
  }
}

test(`${COUNT} containers come at once by eight clients, live on over a restart of the daemon, and go without a trace`, async () => {
  const before = await crowd.weigh()
  await crowd.start()

  expect(namesOf(await crowd.list())).toEqual(numbers)
  expect(new Set(await crowd.addresses()).size).toBe(COUNT)
  expect(namesOf(await crowd.list({ label: ['number=7'] }))).toEqual(['crowd-7'])
  expect(namesOf(await crowd.list({ name: ['^/crowd-5$'] }))).toEqual(['crowd-5'])
  await expectNames()

  const full = await crowd.weigh()
  expect(full.shims).toBe(COUNT)
  expect(full.shimsKb / COUNT).toBeLessThan(MOST_PER_SHIM_KB)
  expect((full.daemonKb - before.daemonKb) / COUNT).toBeLessThan(MOST_PER_CONTAINER_KB)

  await skiff.restart()
  expect(namesOf(await crowd.list())).toEqual(numbers)
  expect(new Set(await crowd.addresses()).size).toBe(COUNT)
  await expectNames()

  await crowd.remove()
  await vi.waitFor(async () => expect(await crowd.left()).toEqual([]), { timeout: 60_000, interval: 200 })
  await crowd.removeNetworks()
}, 300_000)
