/** Somebody removes what a running container stands on: its cgroup, its folders, its volume, its bridge. The API tells the truth, and stop and remove work. */

import { execFile } from 'node:child_process'
import { readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, test } from 'vitest'
import { create, inspect, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cgroups, entries } from '../support/machine.ts'

const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'none' } }

let skiff: Daemon
beforeEach(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const state = async (id: string) => (await inspect(skiff, id)).State
const isGone = async (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    text => text.slice(text.lastIndexOf(')') + 2).startsWith('Z'),
    () => true,
  )
const until = (look: () => Promise<boolean>) => expect.poll(look, { timeout: 60_000, interval: 20 }).toBe(true)

test('the cgroup', { timeout: 120_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const { Pid } = await state(id)
  const own = (await cgroups()).filter(path => path.endsWith(`/${id}`))
  expect(own.length).toBeGreaterThan(0)
  for (const path of own) {
    await writeFile(join(path, '../..', 'cgroup.procs'), String(Pid))
    await rmdir(path)
  }
  expect(await state(id)).toMatchObject({ Running: true, Pid })
  // Each answers, one way or the other, and the daemon lives.
  for (const [method, path] of [
    ['GET', `/containers/${id}/stats?stream=false`],
    ['GET', `/containers/${id}/top`],
    ['POST', `/containers/${id}/pause`],
    ['POST', `/containers/${id}/unpause`],
  ] as const)
    expect((await skiff.api.request(method, path)).status).toBeGreaterThanOrEqual(200)
  await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
  expect(await state(id)).toMatchObject({ Running: false, ExitCode: 137 })
  await until(() => isGone(Pid))
  await skiff.api.post(`/containers/${id}/start`)
  expect((await state(id)).Running).toBe(true)
  await remove(skiff, id)
})

test('the folder in the data-root', { timeout: 120_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const { Pid } = await state(id)
  await rm(join(skiff.dataRoot, 'containers', id), { recursive: true })
  expect(await state(id)).toMatchObject({ Running: true, Pid })
  await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
  expect(await state(id)).toMatchObject({ Running: false, ExitCode: 137 })
  await until(() => isGone(Pid))
  await remove(skiff, id)
  expect(await entries(join(skiff.dataRoot, 'roots'))).toEqual([])
})

test('the folder in the data-root, and the daemon is killed', { timeout: 120_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const { Pid } = await state(id)
  await rm(join(skiff.dataRoot, 'containers', id), { recursive: true })
  await skiff.kill9()
  await skiff.restart()
  expect((await skiff.api.request('GET', `/containers/${id}/json`)).status).toBe(404)
  // Nobody can name it any more: it does not run on, and what it wrote is kept aside.
  await until(() => isGone(Pid))
  expect(await entries(join(skiff.dataRoot, 'roots'))).toEqual([])
  expect(await skiff.log()).toContain('its container is not there any more')
})

test('the folder in the exec-root', { timeout: 120_000 }, async () => {
  const id = await start(skiff, SLEEP)
  const { Pid } = await state(id)
  await rm(join(skiff.execRoot, 'containers', id), { recursive: true })
  expect(await state(id)).toMatchObject({ Running: true, Pid })
  await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
  expect(await state(id)).toMatchObject({ Running: false, ExitCode: 137 })
  await until(() => isGone(Pid))
  await skiff.api.post(`/containers/${id}/start`)
  const again = (await state(id)).Pid
  // The next daemon has nothing to find the container by: it ends what runs, and says so.
  await rm(join(skiff.execRoot, 'containers', id), { recursive: true })
  await skiff.kill9()
  await skiff.restart()
  expect(await state(id)).toMatchObject({ Running: false, ExitCode: 255 })
  await until(() => isGone(again))
  await remove(skiff, id)
})

test('a volume', { timeout: 120_000 }, async () => {
  const HostConfig = { NetworkMode: 'none', Binds: ['gone:/data'] }
  const id = await create(skiff, { ...SLEEP, HostConfig })
  await rm(join(skiff.dataRoot, 'volumes/gone'), { recursive: true })
  const refused = await skiff.api.request('POST', `/containers/${id}/start`)
  expect(refused.status).toBeGreaterThanOrEqual(400)
  expect(refused.json.message).toContain('gone')
  await remove(skiff, id)
  await skiff.api.delete('/volumes/gone', { force: true })
  await remove(skiff, await start(skiff, { ...SLEEP, HostConfig }))
})

test('the bridge', { timeout: 120_000 }, async () => {
  const id = await start(skiff, { Image: 'busybox', Cmd: ['sleep', '100000'] })
  await promisify(execFile)('ip', ['link', 'delete', skiff.bridge])
  expect((await state(id)).Running).toBe(true)
  const refused = await skiff.api.request('POST', '/containers/create', { body: { Image: 'busybox', Cmd: ['true'] } })
  const { status, json } = await skiff.api.request('POST', `/containers/${refused.json.Id}/start`)
  if (status !== 204) expect(json.message).toContain(skiff.bridge)
  await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
  await skiff.restart()
  await skiff.api.post(`/containers/${id}/start`)
  expect((await inspect(skiff, id)).NetworkSettings.IPAddress).toMatch(/^\d/)
})
