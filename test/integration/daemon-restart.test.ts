/** The daemon comes and goes: what runs stays, what was configured is kept, two do not share a data-root. */

import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, test } from 'vitest'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

const SKIFFD = fileURLToPath(new URL('../../bin/skiffd', import.meta.url))
const run = promisify(execFile)
const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }

/** Without what depends on the moment of looking. */
const stable = ({ State, ...rest }: { State: object }) => JSON.stringify({ ...rest, State })

test('with live-restore containers run on, and everything about them is remembered', async () => {
  const skiff = await startDaemon()
  await importBusybox(skiff)
  const running = await start(skiff, SLEEP, 'running')
  const paused = await start(skiff, SLEEP)
  await skiff.api.post(`/containers/${paused}/pause`)
  const created = await create(skiff, { ...SLEEP, Labels: { a: 'b' } })
  const before = await Promise.all([running, paused, created].map(id => inspect(skiff, id)))
  expect(await skiff.terminate()).toBe(0)
  await skiff.restart()
  const after = await Promise.all([running, paused, created].map(id => inspect(skiff, id)))
  expect(after.map(stable)).toEqual(before.map(stable))
  expect((await exec(skiff, 'running', ['echo', 'still there'])).stdout).toBe('still there\n')
  await skiff.api.post(`/containers/${paused}/unpause`)
  for (const id of [running, paused, created]) await remove(skiff, id)
})

test('without live-restore containers are stopped, and come back by their policy', async () => {
  const skiff = await startDaemon({ args: ['--live-restore=false'] })
  await importBusybox(skiff)
  const trap = ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done']
  const plain = await start(skiff, { ...SLEEP, Cmd: trap })
  const always = await start(skiff, {
    ...SLEEP,
    Cmd: trap,
    HostConfig: { ...HostConfig, RestartPolicy: { Name: 'always' } },
  })
  const stopped = await start(skiff, {
    ...SLEEP,
    HostConfig: { ...HostConfig, RestartPolicy: { Name: 'unless-stopped' } },
  })
  await skiff.api.post(`/containers/${stopped}/stop`, undefined, { t: 0 })
  await skiff.terminate()
  await skiff.restart()
  expect((await inspect(skiff, plain)).State).toMatchObject({ Status: 'exited', ExitCode: 7 })
  expect((await inspect(skiff, stopped)).State.Status).toBe('exited')
  while ((await inspect(skiff, always)).State.Status !== 'running')
    await new Promise(resolve => setTimeout(resolve, 10))
  for (const id of [plain, always, stopped]) await remove(skiff, id)
})

describe('a second daemon', () => {
  it('on the same data-root refuses, and the first goes on', async () => {
    const skiff = await startDaemon()
    const words = [
      '--data-root',
      skiff.dataRoot,
      '--exec-root',
      join(skiff.folder, 'other'),
      '-H',
      `unix://${skiff.folder}/other.sock`,
    ]
    const second = run(SKIFFD, [...words, '--pidfile', join(skiff.folder, 'other.pid'), '--bridge', 'none'])
    await expect(second).rejects.toMatchObject({
      code: 1,
      stderr: `skiffd: ${skiff.dataRoot} is in use by another skiffd (PID ${skiff.pid})\n`,
    })
    expect((await skiff.api.request('GET', '/_ping')).status).toBe(200)
  })
})

test('the socket, the PID file and the folders have the modes that they should', async () => {
  const skiff = await startDaemon()
  const mode = async (path: string) => (await stat(path)).mode & 0o777
  expect(await mode(skiff.socket)).toBe(0o660)
  expect(await mode(skiff.dataRoot)).toBe(0o710)
  expect(await readFile(join(skiff.folder, 'skiffd.pid'), 'utf8')).toBe(`${skiff.pid}\n`)
  await skiff.terminate()
  await expect(stat(join(skiff.folder, 'skiffd.pid'))).rejects.toThrow('ENOENT')
  await skiff.restart()
})

describe('the configuration', () => {
  it('gives containers their defaults', async () => {
    const skiff = await startDaemon({
      config: {
        'log-opts': { 'max-size': '1m' },
        'default-shm-size': '8m',
        'default-ulimits': { nofile: { Name: 'nofile', Soft: 64, Hard: 64 } },
        'no-new-privileges': true,
      },
    })
    await importBusybox(skiff)
    const id = await start(skiff, SLEEP)
    const { HostConfig: host } = await inspect(skiff, id)
    expect(host.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-size': '1m' } })
    expect(host.ShmSize).toBe(8 << 20)
    const { stdout } = await exec(skiff, id, [
      'sh',
      '-c',
      'ulimit -n; grep NoNewPrivs /proc/self/status; df -k /dev/shm | tail -1',
    ])
    expect(stdout).toMatch(/^64\nNoNewPrivs:\t1\nshm\s+8192 /)
    await remove(skiff, id)
  })

  it.each([
    [['--nonsense'], 'Unknown argument: nonsense'],
    [['--log-level', 'loud'], 'log-level must be one of'],
    [['--config-file', '/nonexistent.json'], 'no such file or directory'],
  ])('%j is refused', async (words, message) => {
    await expect(run(SKIFFD, words)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(message) })
  })
})
