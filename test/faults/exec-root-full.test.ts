/** A full /run: nothing starts there, in words; what runs goes on and ends as it should; and when there is room again all is well. */

import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { create, exec, inspect, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { RUN } from '../support/machine.ts'

const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }
const REFUSED = /ENOSPC|no space left/i

let execRoot: string
let skiff: Daemon
beforeAll(async () => {
  execRoot = await mkdtemp(join(tmpdir(), `skiff-run-${RUN}-`))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', execRoot])
  skiff = await startDaemon({ execRoot })
  await importBusybox(skiff)
})
afterAll(async () => {
  try {
    await (skiff as Daemon | undefined)?.stop()
  } finally {
    execFileSync('umount', [execRoot])
    await rmdir(execRoot)
  }
})

const filler = () => join(execRoot, 'filler')
async function fill(): Promise<void> {
  for (const size of [1 << 16, 4096]) {
    try {
      for (;;) await writeFile(filler(), Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
    }
  }
}
const free = () => rm(filler(), { force: true })

test('a start and an exec are refused in words, and leave nothing', async () => {
  const running = await start(skiff, SLEEP)
  const id = await create(skiff, SLEEP)
  await fill()
  const { status, json } = await skiff.api.request('POST', `/containers/${id}/start`)
  expect([status, json.message]).toEqual([500, expect.stringMatching(REFUSED)])
  expect((await inspect(skiff, id)).State).toMatchObject({ Running: false, Pid: 0 })
  expect(await readdir(join(execRoot, 'containers'))).toEqual([running])
  const { Id } = await skiff.api.post(`/containers/${running}/exec`, { Cmd: ['true'] })
  const refused = await skiff.api.request('POST', `/exec/${Id}/start`, { body: { Detach: true } })
  expect([refused.status, refused.text]).toEqual([500, expect.stringMatching(REFUSED)])
  expect((await inspect(skiff, running)).State.Running).toBe(true)
  await free()
  await skiff.api.post(`/containers/${id}/start`)
  expect((await exec(skiff, running, ['echo', 'here'])).stdout).toBe('here\n')
  await Promise.all([remove(skiff, id), remove(skiff, running)])
})

test('an end is told to who waits, with its code, and recorded', async () => {
  const id = await start(skiff, { ...SLEEP, Cmd: ['sh', '-c', 'read x; exit 6'], OpenStdin: true, StdinOnce: true })
  const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
  await fill()
  const ended = wait(skiff, id)
  client.end('go\n')
  expect(await ended).toBe(6)
  expect((await inspect(skiff, id)).State).toMatchObject({ Status: 'exited', ExitCode: 6 })
  await skiff.kill9()
  await skiff.restart()
  expect((await inspect(skiff, id)).State).toMatchObject({ Status: 'exited', ExitCode: 6 })
  await free()
  await remove(skiff, id)
})
