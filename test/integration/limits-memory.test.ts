/** Limits on memory, each proved by a process that tries to exceed it. Docker's documentation, "Resource constraints". */

import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, exec, inspect, remove, run, type Spec, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { groupFile, isLegacy, until } from '../support/limits.ts'

const MIB = 2 ** 20

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

/** Doubles a string until there is no memory left for it. */
const HOG = 'x=xxxxxxxx; while :; do x=$x$x; done'
/** Waits until the file /go is there, then takes what it can. */
const HOG_LATER = `until [ -e /go ]; do sleep 0.05; done; ${HOG}`

const shell = (script: string, host: object = {}): Spec => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', script],
  HostConfig: { NetworkMode: 'none', ...host },
})
const post = (path: string, body: object) => skiff.api.request('POST', path, { body })
const update = (id: string, body: object) => post(`/containers/${id}/update`, body)

const limitOf = (id: string): Promise<string> =>
  groupFile(skiff, id, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })

/** All that was told of a container, from its creation to its end. */
async function actionsOf(id: string): Promise<string[]> {
  const until = (Date.now() / 1000 + 1).toFixed(3)
  const text = (await skiff.api.bytes('/events', { since: 0, until, filters: { container: [id] } })).toString()
  return text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).Action)
}

describe('who takes more memory than allowed', () => {
  it('is killed, and state, exit code and events say so', async () => {
    const id = await start(skiff, shell(HOG, { Memory: 16 * MIB, MemorySwap: 16 * MIB }))
    expect(await wait(skiff, id)).toBe(137)
    expect((await inspect(skiff, id)).State).toMatchObject({ Status: 'exited', OOMKilled: true, ExitCode: 137 })
    const actions = await actionsOf(id)
    expect(actions.filter(action => ['oom', 'die'].includes(action))).toEqual(['oom', 'die'])
    await remove(skiff, id)
  })

  it('is killed alone, where it is not the first process; the container lives on', async () => {
    const id = await start(skiff, shell('sleep 100000', { Memory: 16 * MIB, MemorySwap: 16 * MIB }))
    expect((await exec(skiff, id, ['sh', '-c', HOG])).exitCode).toBe(137)
    const { State } = await until(
      () => inspect(skiff, id),
      ({ State }) => State.OOMKilled,
    )
    expect(State).toMatchObject({ Status: 'running', OOMKilled: true })
    await until(
      () => actionsOf(id),
      actions => actions.includes('oom'),
    )
    await remove(skiff, id)
  })

  it('is not said to have been, when somebody else has killed it', async () => {
    const id = await start(skiff, shell('sleep 100000', { Memory: 16 * MIB }))
    await post(`/containers/${id}/kill`, {})
    expect(await wait(skiff, id)).toBe(137)
    expect((await inspect(skiff, id)).State).toMatchObject({ OOMKilled: false, ExitCode: 137 })
    expect(await actionsOf(id)).not.toContain('oom')
    await remove(skiff, id)
  })

  it('has the limit of an update, from that moment', async () => {
    const id = await start(skiff, shell(HOG_LATER))
    expect((await update(id, { Memory: 12 * MIB, MemorySwap: 12 * MIB })).json).toEqual({ Warnings: [] })
    expect(await limitOf(id)).toBe(String(12 * MIB))
    await exec(skiff, id, ['touch', '/go'])
    expect(await wait(skiff, id)).toBe(137)
    const { State, HostConfig } = await inspect(skiff, id)
    expect(State.OOMKilled).toBe(true)
    expect(HostConfig).toMatchObject({ Memory: 12 * MIB, MemorySwap: 12 * MIB })
    await remove(skiff, id)
  })
})

test('an update of a container that does not run counts from its next start', async () => {
  const id = await create(skiff, shell(HOG))
  await update(id, { Memory: 16 * MIB, MemorySwap: 16 * MIB })
  await skiff.api.post(`/containers/${id}/start`)
  expect(await wait(skiff, id)).toBe(137)
  expect((await inspect(skiff, id)).State.OOMKilled).toBe(true)
  await remove(skiff, id)
})

test('memory and swap together are twice the memory, unless said otherwise', async () => {
  const swapOf = (id: string) =>
    groupFile(skiff, id, 'memory', { v1: 'memory.memsw.limit_in_bytes', v2: 'memory.swap.max' })
  // v1 counts both together, v2 swap alone.
  const asKernel = (total: number, memory: number) => String(isLegacy('memory') ? total : total - memory)
  for (const [MemorySwap, total] of [
    [0, 64 * MIB],
    [48 * MIB, 48 * MIB],
    [32 * MIB, 32 * MIB],
  ] as const) {
    const id = await start(skiff, shell('sleep 100000', { Memory: 32 * MIB, MemorySwap }))
    expect(await swapOf(id)).toBe(asKernel(total, 32 * MIB))
    expect((await inspect(skiff, id)).HostConfig.MemorySwap).toBe(total)
    await remove(skiff, id)
  }
})

test('a reservation is where the group is pushed back to', async () => {
  const id = await start(skiff, shell('sleep 100000', { Memory: 64 * MIB, MemoryReservation: 32 * MIB }))
  const reserved = () => groupFile(skiff, id, 'memory', { v1: 'memory.soft_limit_in_bytes', v2: 'memory.low' })
  expect(await reserved()).toBe(String(32 * MIB))
  await update(id, { MemoryReservation: 16 * MIB })
  expect(await reserved()).toBe(String(16 * MIB))
  await remove(skiff, id)
})

describe('what only version 1 of cgroups has', () => {
  const warningsOf = async (host: object) => {
    const { Id, Warnings } = await skiff.api.post('/containers/create', shell('true', host))
    await remove(skiff, Id)
    return Warnings as string[]
  }

  it('swappiness is set there, and discarded with a warning elsewhere', async () => {
    const host = { Memory: 64 * MIB, MemorySwappiness: 7 }
    if (isLegacy('memory')) {
      const id = await start(skiff, shell('sleep 100000', host))
      expect(await groupFile(skiff, id, 'memory', { v1: 'memory.swappiness', v2: '' })).toBe('7')
      await remove(skiff, id)
      return
    }
    expect(await warningsOf(host)).toEqual([
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    ])
    expect((await run(skiff, shell('echo runs', host))).stdout).toBe('runs\n')
  })

  it('without the OOM killer a process waits for memory there; elsewhere a warning says that it is killed', async () => {
    const host = { Memory: 12 * MIB, MemorySwap: 12 * MIB, OomKillDisable: true }
    const id = await start(skiff, shell(HOG, host))
    if (!isLegacy('memory')) {
      expect(await warningsOf(host)).toEqual(['Your kernel does not support OomKillDisable. OomKillDisable discarded.'])
      expect(await wait(skiff, id)).toBe(137)
    } else {
      const control = () => groupFile(skiff, id, 'memory', { v1: 'memory.oom_control', v2: '' })
      expect(await until(control, text => text.includes('under_oom 1'))).toContain('oom_kill_disable 1')
      expect((await inspect(skiff, id)).State).toMatchObject({ Running: true, OOMKilled: false })
    }
    // A process that waits for memory can be killed all the same.
    await remove(skiff, id)
    if (isLegacy('memory'))
      expect((await warningsOf({ OomKillDisable: true }))[0]).toMatch(/^OOM killer is disabled for/)
  })

  it('a limit on the kernel’s memory is discarded with a warning: no kernel of today has one', async () => {
    const told = [
      'Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    ]
    expect(await warningsOf({ KernelMemory: 64 * MIB })).toEqual(told)
    const id = await create(skiff, shell('true'))
    expect((await update(id, { KernelMemory: 64 * MIB })).json).toEqual({ Warnings: told })
    expect((await update(id, { KernelMemory: 1 })).json.message).toBe('Minimum kernel memory limit allowed is 6MB')
    await remove(skiff, id)
  })
})

test('--oom-score-adj is the score of the process, or refused by the kernel with a word on why', async () => {
  const score = (OomScoreAdj: number) => shell('cat /proc/self/oom_score_adj', { OomScoreAdj })
  expect((await run(skiff, score(500))).stdout).toBe('500\n')
  const id = await create(skiff, score(-999))
  const answer = await post(`/containers/${id}/start`, {})
  // Lower than the daemon's own takes CAP_SYS_RESOURCE.
  if (answer.status === 204) expect(await wait(skiff, id)).toBe(0)
  else expect(answer.json.message).toMatch(/oom_score_adj.*EACCES/)
  await remove(skiff, id)
  expect(await post('/containers/create', score(1001))).toMatchObject({
    status: 400,
    json: { message: 'Invalid value 1001, range for oom score adj is [-1000, 1000]' },
  })
})

test('what makes no sense is refused in Docker’s words, and nothing changes', async () => {
  const id = await start(skiff, shell('sleep 100000', { Memory: 64 * MIB }))
  const cannot = `Cannot update container ${id}: `
  const refused: [object, number, string][] = [
    [{ Memory: MIB }, 400, 'Minimum memory limit allowed is 6MB'],
    [
      { Memory: 200 * MIB },
      409,
      `${cannot}Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    ],
    [
      { Memory: 32 * MIB, MemorySwap: 16 * MIB },
      400,
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [{ MemoryReservation: 1000 }, 400, 'Minimum memory reservation allowed is 6MB'],
    [
      { Memory: 32 * MIB, MemoryReservation: 48 * MIB },
      400,
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
  ]
  for (const [body, status, message] of refused) {
    expect(await update(id, body)).toMatchObject({ status, json: { message } })
  }
  expect(await limitOf(id)).toBe(String(64 * MIB))
  expect((await inspect(skiff, id)).HostConfig).toMatchObject({ Memory: 64 * MIB, MemorySwap: 128 * MIB })
  await remove(skiff, id)
})
