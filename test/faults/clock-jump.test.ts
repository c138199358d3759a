/**
 * Somebody sets the clock, an hour back or a day ahead, while the daemon runs: health checks, the restart policy, streams and
 * timeouts go by the monotonic clock, and what is asked for by time is found.
 */

import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { inspect, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'
import { buildPreload } from '../support/kill-at.ts'
import { RUN } from '../support/machine.ts'

const HOUR = 3_600
const DAY = 24 * HOUR
const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }

let skiff: Daemon
let control: string
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-clock-`))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  control = join(folder, 'words')
  await writeFile(control, Buffer.alloc(4096))
  const env = { LD_PRELOAD: await buildPreload('clock'), SKIFF_TEST_CLOCK: control }
  skiff = await startDaemon({ logLevel: 'info', env })
  await importBusybox(skiff)
})

/** From now on the daemon's clock is off by this. */
async function jump(seconds: number): Promise<void> {
  const word = Buffer.alloc(4)
  word.writeInt32LE(seconds)
  const file = await open(control, 'r+')
  await file.write(word, 0, 4, 0)
  await file.close()
}

const daemonsTime = async (): Promise<number> => Date.parse((await skiff.api.get('/info')).SystemTime)
const until = (look: () => Promise<boolean>) => expect.poll(look, { timeout: 60_000, interval: 20 }).toBe(true)

test.each([
  ['an hour back', -HOUR],
  ['a day ahead', DAY],
])('%s', { timeout: 180_000 }, async (_, seconds) => {
  await jump(0)
  const healthy = await start(skiff, { ...SLEEP, Healthcheck: { Test: ['CMD', 'true'], Interval: 200_000_000 } })
  const restarts = await start(skiff, {
    ...SLEEP,
    Cmd: ['false'],
    HostConfig: { ...HostConfig, RestartPolicy: { Name: 'always' } },
  })
  const events = await skiff.api.stream('GET', '/events', { query: { filters: { type: ['container'] } } })
  const heard: string[] = []
  events.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
  await until(async () => (await inspect(skiff, healthy)).State.Health.Status === 'healthy')
  await until(async () => (await inspect(skiff, restarts)).RestartCount >= 2)

  await jump(seconds)
  const now = await daemonsTime()
  expect(Math.abs(now - (Date.now() + seconds * 1000))).toBeLessThan(60_000)

  // Checks go on, and what they say is of the new time.
  await until(async () =>
    (await inspect(skiff, healthy)).State.Health.Log.every(
      ({ Start }: { Start: string }) => Math.abs(Date.parse(Start) - now) < 60_000,
    ),
  )
  // So does the policy, and its back-off grows: a jump is not a long run.
  const { RestartCount } = await inspect(skiff, restarts)
  await until(async () => (await inspect(skiff, restarts)).RestartCount > RestartCount)

  // A stream that was open goes on, and a question by time is answered, with an end by itself.
  const before = heard.length
  const late = await start(skiff, SLEEP)
  await until(async () => heard.slice(before).join('').includes(late))
  const since = now / 1000 - 1
  const found = await skiff.api.call('GET', '/events', {
    query: { since: since.toFixed(3), until: ((await daemonsTime()) / 1000 + 2).toFixed(3) },
  })
  expect(JSON.stringify(found)).toContain(late)

  // A timeout is not cut short, nor made endless.
  await skiff.api.post(`/containers/${late}/stop`, undefined, { t: 1 })
  expect((await inspect(skiff, late)).State).toMatchObject({ Running: false, ExitCode: 137 })
  events.destroy()
  for (const id of [healthy, restarts, late]) await remove(skiff, id)
})
