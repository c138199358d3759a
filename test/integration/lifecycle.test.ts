/** The life of a container by the API: states, signals, exit codes, conditions, conflicts; in Docker's words. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, exec, inspect, remove, run, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cgroups } from '../support/machine.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const HostConfig = { NetworkMode: 'none' }
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig }
/** Ends in good order at SIGTERM, with 42. */
const POLITE = {
  Image: 'busybox',
  Cmd: ['sh', '-c', 'trap "exit 42" TERM; echo ready; while :; do sleep 0.05; done'],
  HostConfig,
}

const post = (path: string, query = {}, body?: object) => skiff.api.request('POST', path, { query, body })
const state = async (id: string) => (await inspect(skiff, id)).State

/** The shell has set its trap when it says so. */
async function startPolite(): Promise<string> {
  const id = await start(skiff, POLITE)
  const log = await skiff.api.stream('GET', `/containers/${id}/logs`, { query: { stdout: 1, follow: 1 } })
  await new Promise(resolve => log.once('data', resolve))
  log.destroy()
  return id
}

describe('the end of a process', () => {
  it.each([
    ['exit 0', 0],
    ['exit 3', 3],
    ['kill -9 $$', 137],
    ['kill -TERM $$; sleep 1', 143],
  ])('sh -c %j gives %d', async (line, code) => {
    // In a PID namespace the first process is spared signals: so a second one gets them.
    const id = await start(skiff, { Image: 'busybox', Cmd: ['sh', '-c', `sh -c '${line}'; exit $?`], HostConfig })
    expect(await wait(skiff, id)).toBe(code)
    expect(await state(id)).toMatchObject({ Status: 'exited', Running: false, ExitCode: code, Pid: 0, Error: '' })
    await remove(skiff, id)
  })
})

describe('what cannot be started', () => {
  it.each([
    [['nope'], 127, 'exec: "nope": executable file not found in $PATH'],
    [['/nope'], 127, 'exec: "/nope": stat /nope: no such file or directory'],
    [['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied'],
    [['/etc'], 126, 'permission denied'],
  ])('%j ends with %d', async (Cmd, code, words) => {
    const id = await create(skiff, { Image: 'busybox', Cmd, HostConfig })
    const { status, json } = await post(`/containers/${id}/start`)
    expect({ status, message: json.message }).toEqual({ status: 400, message: expect.stringContaining(words) })
    expect(await state(id)).toMatchObject({ Status: 'created', ExitCode: code, Error: expect.stringContaining(words) })
    await remove(skiff, id)
  })

  it('is removed all the same when it was to be', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['nope'], HostConfig: { ...HostConfig, AutoRemove: true } })
    const removed = post(`/containers/${id}/wait`, { condition: 'removed' })
    await post(`/containers/${id}/start`)
    expect((await removed).json).toMatchObject({ StatusCode: 127 })
    expect((await skiff.api.request('GET', `/containers/${id}/json`)).status).toBe(404)
  })
})

test('a container goes through its states', async () => {
  const id = await create(skiff, SLEEP, 'states')
  expect(await state(id)).toMatchObject({
    Status: 'created',
    Running: false,
    Pid: 0,
    StartedAt: '0001-01-01T00:00:00Z',
  })
  expect((await post(`/containers/${id}/start`)).status).toBe(204)
  expect((await post(`/containers/${id}/start`)).status).toBe(304)
  expect(await state(id)).toMatchObject({ Status: 'running', Running: true, ExitCode: 0 })
  expect((await post('/containers/states/pause')).status).toBe(204)
  expect(await state(id)).toMatchObject({ Status: 'paused', Running: true, Paused: true })
  const refused: [string, number, string][] = [
    ['pause', 409, `Container ${id} is already paused`],
    ['start', 409, 'cannot start a paused container, try unpause instead'],
  ]
  for (const [verb, status, message] of refused)
    expect(await post(`/containers/${id}/${verb}`)).toMatchObject({ status, json: { message } })
  expect(await skiff.api.request('DELETE', `/containers/${id}`)).toMatchObject({
    status: 409,
    json: {
      message: `You cannot remove a paused container ${id}. Unpause and then stop the container before attempting removal or force remove`,
    },
  })
  expect(await post(`/containers/states/exec`, {}, { Cmd: ['true'] })).toMatchObject({
    status: 409,
    json: { message: 'Container states is paused, unpause the container before exec' },
  })
  expect((await post(`/containers/${id}/unpause`)).status).toBe(204)
  expect(await skiff.api.request('DELETE', `/containers/${id}`)).toMatchObject({
    status: 409,
    json: {
      message: `You cannot remove a running container ${id}. Stop the container before attempting removal or force remove`,
    },
  })
  expect((await post(`/containers/${id}/stop`, { t: 0 })).status).toBe(204)
  expect((await post(`/containers/${id}/stop`)).status).toBe(304)
  expect(await state(id)).toMatchObject({ Status: 'exited', ExitCode: 137 })
  for (const verb of ['pause', 'top', 'resize?h=1&w=1']) {
    const method = verb === 'top' ? 'GET' : 'POST'
    expect(await skiff.api.request(method, `/containers/${id}/${verb}`)).toMatchObject({
      status: 409,
      json: { message: `Container ${id} is not running` },
    })
  }
  expect(await post(`/containers/states/kill`)).toMatchObject({
    status: 409,
    json: { message: `Cannot kill container: states: Container ${id} is not running` },
  })
  await remove(skiff, id)
})

describe('stop', () => {
  it('asks first, by the container’s own signal', async () => {
    const id = await startPolite()
    await post(`/containers/${id}/stop`, { t: 60 })
    expect(await state(id)).toMatchObject({ Status: 'exited', ExitCode: 42 })
    await remove(skiff, id)
  })

  it('waits for ever when told so, and works on a paused container', async () => {
    const id = await startPolite()
    await post(`/containers/${id}/pause`)
    expect((await post(`/containers/${id}/stop`, { t: -1 })).status).toBe(204)
    expect(await state(id)).toMatchObject({ ExitCode: 42, Paused: false })
    await remove(skiff, id)
  })

  it('kills who does not listen', async () => {
    const id = await start(skiff, SLEEP)
    await post(`/containers/${id}/stop`, { t: 1 })
    expect(await state(id)).toMatchObject({ ExitCode: 137 })
    await remove(skiff, id)
  })
})

describe('kill', () => {
  it('refuses signals that do not exist', async () => {
    const id = await start(skiff, SLEEP)
    for (const signal of ['FOO', '0'])
      expect(await post(`/containers/${id}/kill`, { signal })).toMatchObject({
        status: 400,
        json: { message: `Invalid signal: ${signal}` },
      })
    await remove(skiff, id)
  })

  it('ends a restart policy by the stop signal, not by others', async () => {
    const Cmd = ['sh', '-c', 'trap "exit 1" USR1; trap "exit 2" TERM; echo ready; while :; do sleep 0.05; done']
    const id = await start(skiff, {
      Image: 'busybox',
      Cmd,
      HostConfig: { ...HostConfig, RestartPolicy: { Name: 'always' } },
    })
    const ready = async (times: number) => {
      const log = await skiff.api.stream('GET', `/containers/${id}/logs`, { query: { stdout: 1, follow: 1 } })
      let text = ''
      for await (const chunk of log) {
        text += String(chunk)
        if (text.split('ready').length > times) return
      }
      return ready(times)
    }
    await ready(1)
    await post(`/containers/${id}/kill`, { signal: 'USR1' })
    await ready(2)
    expect((await inspect(skiff, id)).RestartCount).toBe(1)
    const ended = wait(skiff, id)
    await post(`/containers/${id}/kill`, { signal: 'TERM' })
    expect(await ended).toBe(2)
    expect(await state(id)).toMatchObject({ Status: 'exited', Running: false })
    await remove(skiff, id)
  })
})

describe('the restart policy', () => {
  it('on-failure gives up after as many times as it is told', async () => {
    const id = await start(skiff, {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo try; exit 1'],
      HostConfig: { ...HostConfig, RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    })
    while ((await state(id)).Status !== 'exited') await pause(20)
    expect((await inspect(skiff, id)).RestartCount).toBe(2)
    const log = await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1 })
    expect(log.toString().match(/try/g)).toHaveLength(3)
    await remove(skiff, id)
  })

  it('leaves alone what its user has stopped', async () => {
    const id = await start(skiff, {
      ...SLEEP,
      HostConfig: { ...HostConfig, RestartPolicy: { Name: 'unless-stopped' } },
    })
    await post(`/containers/${id}/stop`, { t: 0 })
    expect(await state(id)).toMatchObject({ Status: 'exited', Restarting: false })
    await remove(skiff, id)
  })
})

describe('wait', () => {
  it('answers at once for what does not run, and for the next end otherwise', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['sh', '-c', 'exit 5'], HostConfig })
    expect((await post(`/containers/${id}/wait`)).json).toEqual({ StatusCode: 0 })
    const next = post(`/containers/${id}/wait`, { condition: 'next-exit' })
    await post(`/containers/${id}/start`)
    expect((await next).json).toEqual({ StatusCode: 5 })
    const removed = post(`/containers/${id}/wait`, { condition: 'removed' })
    await remove(skiff, id)
    expect((await removed).json).toEqual({ StatusCode: 5 })
  })

  it('for the removal of a --rm container is over when it is gone', async () => {
    const id = await create(skiff, { Image: 'busybox', Cmd: ['true'], HostConfig: { ...HostConfig, AutoRemove: true } })
    const removed = post(`/containers/${id}/wait`, { condition: 'removed' })
    await post(`/containers/${id}/start`)
    await removed
    expect((await skiff.api.request('GET', `/containers/${id}/json`)).status).toBe(404)
  })
})

describe('names', () => {
  it('are taken once, and can be changed', async () => {
    const id = await create(skiff, SLEEP, 'first')
    const other = await create(skiff, SLEEP, 'second')
    const taken = (name: string, owner: string) =>
      `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`
    expect(await post('/containers/create', { name: 'first' }, SLEEP)).toMatchObject({
      status: 409,
      json: { message: taken('first', id) },
    })
    expect(await post('/containers/first/rename', { name: 'second' })).toMatchObject({
      status: 409,
      json: { message: `Error when allocating new name: ${taken('second', other)}` },
    })
    expect((await post('/containers/first/rename', { name: 'third' })).status).toBe(204)
    expect((await inspect(skiff, 'third')).Id).toBe(id)
    expect((await skiff.api.request('GET', '/containers/first/json')).json).toEqual({
      message: 'No such container: first',
    })
    // Nothing of the refused create has stayed.
    expect(await skiff.api.get('/containers/json', { all: true })).toHaveLength(2)
    await Promise.all([remove(skiff, id), remove(skiff, other)])
  })

  it('go to exactly one of many that want one at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post('/containers/create', { name: 'wanted' }, SLEEP)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
    await remove(skiff, 'wanted')
  })
})

test('many starts at once start once; many removals at once remove once', async () => {
  const id = await create(skiff, SLEEP)
  const starts = await Promise.all(Array.from({ length: 8 }, () => post(`/containers/${id}/start`)))
  expect(starts.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(304)])
  const removals = await Promise.all(
    Array.from({ length: 8 }, () => skiff.api.request('DELETE', `/containers/${id}`, { query: { force: true } })),
  )
  const statuses = removals.map(({ status }) => status)
  expect(statuses.filter(status => status === 204)).toHaveLength(1)
  expect(statuses.every(status => [204, 404, 409].includes(status))).toBe(true)
})

test('what is removed while it starts does not outlive its removal', async () => {
  for (let round = 0; round < 10; round++) {
    const id = await create(skiff, SLEEP)
    const folder = join(skiff.execRoot, 'containers', id)
    const started = post(`/containers/${id}/start`)
    // Made on the way to its process.
    while (!existsSync(folder)) await immediate()
    await skiff.api.delete(`/containers/${id}`, { force: true })
    await started
    expect(existsSync(folder)).toBe(false)
    expect((await cgroups()).filter(path => path.endsWith(id))).toEqual([])
  }
})

test('update changes limits of a running container, and says so', async () => {
  const id = await start(skiff, { ...SLEEP, HostConfig: { ...HostConfig, Memory: 64 << 20 } })
  const limit = async () =>
    (
      await exec(skiff, id, [
        'sh',
        '-c',
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
      ])
    ).stdout.trim()
  expect(await limit()).toBe(String(64 << 20))
  await skiff.api.post(`/containers/${id}/update`, { Memory: 32 << 20, MemorySwap: 64 << 20 })
  expect(await limit()).toBe(String(32 << 20))
  expect((await inspect(skiff, id)).HostConfig.Memory).toBe(32 << 20)
  expect(await post(`/containers/${id}/update`, {}, { Memory: 1000 })).toMatchObject({
    status: 400,
    json: { message: 'Minimum memory limit allowed is 6MB' },
  })
  await remove(skiff, id)
})

test('who takes more memory than allowed is killed, and it is told', async () => {
  const events = await skiff.api.stream('GET', '/events', { query: { filters: { type: ['container'] } } })
  const seen: string[] = []
  events.on('data', chunk => seen.push(String(chunk)))
  const id = await start(skiff, {
    Image: 'busybox',
    Cmd: ['sh', '-c', 'x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo survived'],
    HostConfig: { ...HostConfig, Memory: 16 << 20, MemorySwap: 16 << 20 },
  })
  await wait(skiff, id)
  expect(await state(id)).toMatchObject({ Status: 'exited', OOMKilled: true })
  events.destroy()
  await remove(skiff, id)
})

test('events tell the story as Docker tells it', async () => {
  const since = Date.now() / 1000
  const id = await create(skiff, { ...SLEEP, Labels: { tier: 'front' } }, 'story')
  await post(`/containers/${id}/start`)
  await post(`/containers/${id}/pause`)
  await post(`/containers/${id}/unpause`)
  await exec(skiff, id, ['true'])
  await post(`/containers/${id}/rename`, { name: 'tale' })
  await post(`/containers/${id}/restart`, { t: 0 })
  await post(`/containers/${id}/stop`, { t: 0 })
  await remove(skiff, id)
  const text = await skiff.api.bytes('/events', {
    since: since.toFixed(3),
    until: (Date.now() / 1000 + 0.001).toFixed(3),
    filters: { container: [id] },
  })
  const events = text
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const told = events.map(({ Action }) => Action)
  // Asked first, and killed when its time is over, which is at once.
  const ended = ['kill', 'kill', 'die', 'stop']
  expect(told).toEqual([
    ...['create', 'start', 'pause', 'unpause', 'exec_create: true ', 'exec_start: true ', 'exec_die', 'rename'],
    ...[...ended, 'start', 'restart'],
    ...[...ended, 'destroy'],
  ])
  const of = (action: string) => events.find(({ Action }) => Action === action).Actor.Attributes
  expect(of('create')).toEqual({ image: 'busybox', name: 'story', tier: 'front' })
  expect(of('rename')).toMatchObject({ name: 'tale', oldName: '/story' })
  expect(of('kill')).toMatchObject({ signal: '15' })
  expect(of('die')).toMatchObject({ exitCode: '137', execDuration: expect.stringMatching(/^\d+$/) })
})

test('a created container of an unknown image, or of another platform, is refused', async () => {
  expect(await post('/containers/create', {}, { ...SLEEP, Image: 'nope' })).toMatchObject({
    status: 404,
    json: { message: 'No such image: nope:latest' },
  })
  expect(await post('/containers/create', { platform: 'linux/s390x' }, SLEEP)).toMatchObject({ status: 404 })
})

test('output and exit code of a whole run', async () => {
  const { stdout, stderr, exitCode } = await run(skiff, {
    Image: 'busybox',
    Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 9'],
    HostConfig,
  })
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 9 })
})
