/** kill -9 of the daemon in the middle of everything: nothing that was acknowledged is lost, nothing half-made stays. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { outputOf } from '../support/client.ts'
import { create, exec, inspect, remove, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cgroups, entries, processesOf } from '../support/machine.ts'

let skiff: Daemon
beforeEach(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const HostConfig = { NetworkMode: 'none' }
const spec = (line: string, own: object = {}) => ({ Image: 'busybox', Cmd: ['sh', '-c', line], HostConfig, ...own })
const state = async (id: string) => (await inspect(skiff, id)).State

async function crash(meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  await skiff.kill9()
  await meanwhile()
  await skiff.restart()
}

/** Until a process of the test's instance is gone, without a daemon that could tell. */
async function gone(pid: number): Promise<void> {
  while ((await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')) !== '') await pause(10)
}

test('containers run on, their logs lose no line, and they obey the new daemon', async () => {
  const id = await start(skiff, spec('i=0; while :; do i=$((i+1)); echo $i; sleep 0.002; done'))
  const { Pid, StartedAt } = await state(id)
  await crash(() => pause(300))
  expect(await state(id)).toMatchObject({ Status: 'running', Pid, StartedAt, ExitCode: 0 })
  expect((await exec(skiff, id, ['echo', 'here'])).stdout).toBe('here\n')
  await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
  const log = outputOf(await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1 }))
    .stdout.trim()
    .split('\n')
  expect(log.length).toBeGreaterThan(50)
  expect(log).toEqual(log.map((_, index) => String(index + 1)))
  await remove(skiff, id)
})

test('exit codes of what ended meanwhile are known', async () => {
  const code = await start(skiff, spec('sleep 0.3; exit 5'))
  const killed = await start(skiff, spec('sleep 100000'))
  const rm = await start(skiff, spec('sleep 0.3', { HostConfig: { ...HostConfig, AutoRemove: true } }))
  const pids = await Promise.all([code, killed, rm].map(async id => (await state(id)).Pid as number))
  await crash(async () => {
    process.kill(pids[1]!, 'SIGKILL')
    await Promise.all(pids.map(gone))
  })
  expect(await wait(skiff, code)).toBe(5)
  expect(await state(code)).toMatchObject({ Status: 'exited', ExitCode: 5, Pid: 0 })
  expect(await state(killed)).toMatchObject({ Status: 'exited', ExitCode: 137 })
  while ((await skiff.api.request('GET', `/containers/${rm}/json`)).status !== 404) await pause(10)
  await Promise.all([remove(skiff, code), remove(skiff, killed)])
})

test('execs go on, and their exit codes are known', async () => {
  const id = await start(skiff, spec('sleep 100000'))
  const begin = async (line: string): Promise<string> => {
    const { Id } = await skiff.api.post(`/containers/${id}/exec`, { Cmd: ['sh', '-c', line] })
    await skiff.api.post(`/exec/${Id}/start`, { Detach: true })
    return Id
  }
  const long = await begin('sleep 100000')
  const short = await begin('sleep 0.2; exit 6')
  const { Pid } = await skiff.api.get(`/exec/${short}/json`)
  await crash(() => gone(Pid))
  expect(await skiff.api.get(`/exec/${long}/json`)).toMatchObject({ Running: true })
  expect(await skiff.api.get(`/exec/${short}/json`)).toMatchObject({ Running: false, ExitCode: 6 })
  await remove(skiff, id)
})

test('clients of a terminal keep theirs, and a container waits for input still', async () => {
  const id = await start(skiff, { Image: 'busybox', Cmd: ['cat'], OpenStdin: true, StdinOnce: true, HostConfig })
  await crash()
  const client = await skiff.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1, stdout: 1 } })
  const reading = client.output()
  client.end('after the crash\n')
  expect((await reading).stdout).toBe('after the crash\n')
  expect(await wait(skiff, id)).toBe(0)
  await remove(skiff, id)
})

test('the restart policy goes on', async () => {
  const policy = { HostConfig: { ...HostConfig, RestartPolicy: { Name: 'always' } } }
  const id = await start(skiff, spec('sleep 100000', policy))
  const { Pid } = await state(id)
  await crash(async () => {
    process.kill(Pid, 'SIGKILL')
    await gone(Pid)
  })
  while ((await state(id)).Status !== 'running') await pause(10)
  expect((await state(id)).Pid).not.toBe(Pid)
  await remove(skiff, id)
})

test('a container whose shim was killed, too, is ended and told so', async () => {
  const id = await start(skiff, spec('sleep 100000'))
  const record = JSON.parse(await readFile(join(skiff.execRoot, 'containers', id, 'started.json'), 'utf8'))
  await crash(async () => process.kill(record.shimPid, 'SIGKILL'))
  expect(await state(id)).toMatchObject({ Status: 'exited', ExitCode: 137, Running: false })
  await gone(record.pid)
  await skiff.api.post(`/containers/${id}/start`)
  expect((await state(id)).Running).toBe(true)
  await remove(skiff, id)
})

test('a shim that is killed under a living daemon ends its container', async () => {
  const id = await start(skiff, spec('sleep 100000'))
  const record = JSON.parse(await readFile(join(skiff.execRoot, 'containers', id, 'started.json'), 'utf8'))
  const ended = wait(skiff, id)
  process.kill(record.shimPid, 'SIGKILL')
  expect(await ended).toBe(137)
  await gone(record.pid)
  await remove(skiff, id)
})

test('a state that a power cut swallowed, or cut off, is that of a container which does not run', async () => {
  const id = await create(skiff, spec('echo x'))
  await skiff.kill9()
  await writeFile(join(skiff.dataRoot, 'containers', id, 'state.json'), '{"status": "runn')
  await skiff.restart()
  expect(await state(id)).toMatchObject({ Status: 'created', Running: false })
  await skiff.api.post(`/containers/${id}/start`)
  expect(await wait(skiff, id)).toBe(0)
  await remove(skiff, id)
})

test('killed at random moments while containers come and go, it leaves nothing half-made', {
  timeout: 240_000,
}, async () => {
  const acknowledged = new Set<string>()
  const removed = new Set<string>()
  let stop = false
  const client = async () => {
    while (!stop) {
      try {
        const id = await create(skiff, spec('sleep 100000'))
        acknowledged.add(id)
        await skiff.api.post(`/containers/${id}/start`)
        await skiff.api.delete(`/containers/${id}`, { force: true })
        removed.add(id)
      } catch {
        // The daemon is gone at the moment.
        await pause(5)
      }
    }
  }
  const clients = Array.from({ length: 4 }, client)
  for (let round = 0; round < 8; round++) {
    await pause(100 + 37 * round)
    await crash()
  }
  stop = true
  await Promise.all(clients)
  const listed = new Set<string>(
    (await skiff.api.get('/containers/json', { all: true })).map(({ Id }: { Id: string }) => Id),
  )
  for (const id of removed) expect(listed, 'removed and yet there').not.toContain(id)
  for (const id of listed) await remove(skiff, id)
  expect(await entries(join(skiff.dataRoot, 'containers'))).toEqual([])
  expect(await entries(join(skiff.dataRoot, 'roots'))).toEqual([])
  expect(await entries(join(skiff.execRoot, 'containers'))).toEqual([])
  expect((await cgroups()).filter(path => path.includes(`${skiff.cgroupParent}/`))).toEqual([])
  expect(await processesOf(skiff.folder)).toEqual([await skiff.daemonPid()])
})
