/** Limits on CPU time and CPUs: what the kernel has counted, never what a clock shows. Docker's "Resource constraints". */

import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, exec, inspect, remove, run, type Spec, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { cpuUse, groupFile, until } from '../support/limits.ts'

const PERIOD_US = 100_000
const LAST = cpus().length - 1
const ALL = `0-${LAST}`

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const shell = (script: string, host: object = {}): Spec => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', script],
  HostConfig: { NetworkMode: 'none', ...host },
})
const BUSY = 'while :; do :; done'
const post = (path: string, body: object) => skiff.api.request('POST', path, { body })
const update = (id: string, body: object) => post(`/containers/${id}/update`, body)

/**
 * The part of a CPU that it is given while it wants all: by the kernel's periods, of which there is one every 100 ms of its
 * being busy. Other load on the machine makes it smaller, never greater.
 */
async function share(id: string): Promise<number> {
  const before = await cpuUse(skiff, id)
  const after = await until(
    () => cpuUse(skiff, id),
    ({ periods, throttled }) => periods >= before.periods + 10 && throttled > before.throttled,
  )
  return (after.usedUs - before.usedUs) / ((after.periods - before.periods) * PERIOD_US)
}

describe('a quota', () => {
  it('holds a busy process down, and an update lets it feel another one', async () => {
    const id = await start(skiff, shell(BUSY, { NanoCpus: 2e8 }))
    expect(await share(id)).toBeLessThan(0.35)
    expect((await update(id, { NanoCpus: 5e7 })).json).toEqual({ Warnings: [] })
    expect(await share(id)).toBeLessThan(0.12)
    expect((await inspect(skiff, id)).HostConfig.NanoCpus).toBe(5e7)
    await remove(skiff, id)
  })

  it('may be said as microseconds in a period', async () => {
    const id = await start(skiff, shell(BUSY, { CpuPeriod: PERIOD_US, CpuQuota: 20_000 }))
    expect(await share(id)).toBeLessThan(0.35)
    await update(id, { CpuQuota: 5000 })
    expect(await share(id)).toBeLessThan(0.12)
    await remove(skiff, id)
  })
})

test('shares are what each gets of a CPU that both want', async () => {
  const cpu = { CpusetCpus: '0' }
  const few = await start(skiff, shell(BUSY, { ...cpu, CpuShares: 64 }))
  const many = await start(skiff, shell(BUSY, { ...cpu, CpuShares: 2048 }))
  const both = () => Promise.all([cpuUse(skiff, few), cpuUse(skiff, many)])
  const [fewBefore, manyBefore] = await both()
  const [fewAfter, manyAfter] = await until(both, ([, use]) => use.usedUs - manyBefore.usedUs > 1_000_000)
  expect((manyAfter.usedUs - manyBefore.usedUs) / (fewAfter.usedUs - fewBefore.usedUs)).toBeGreaterThan(3)
  const kept = await groupFile(skiff, few, 'cpu', { v1: 'cpu.shares', v2: 'cpu.weight' })
  await update(few, { CpuShares: 4096 })
  const now = await groupFile(skiff, few, 'cpu', { v1: 'cpu.shares', v2: 'cpu.weight' })
  expect(Number(now)).toBeGreaterThan(Number(kept))
  await Promise.all([remove(skiff, few), remove(skiff, many)])
})

test('a set of CPUs is all that a process sees of them, and it moves when that is updated', async ({ skip }) => {
  if (LAST === 0) return skip('a machine with one CPU')
  // nproc asks sched_getaffinity(2).
  expect((await run(skiff, shell('nproc', { CpusetCpus: '0' }))).stdout).toBe('1\n')
  const id = await start(skiff, shell('sleep 100000', { CpusetCpus: '0' }))
  const { Pid } = (await inspect(skiff, id)).State
  const allowed = () => /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync(`/proc/${Pid}/status`, 'utf8'))?.[1]
  expect(allowed()).toBe('0')
  await update(id, { CpusetCpus: String(LAST) })
  expect(allowed()).toBe(String(LAST))
  await update(id, { CpusetCpus: ALL })
  expect(allowed()).toBe(ALL)
  expect((await exec(skiff, id, ['nproc'])).stdout).toBe(`${LAST + 1}\n`)
  await remove(skiff, id)
})

test('what makes no sense is refused in Docker’s words', async () => {
  const id = await start(skiff, shell('sleep 100000', { NanoCpus: 1e9 }))
  const quota = await start(skiff, shell('sleep 100000', { CpuPeriod: 50_000, CpuQuota: 10_000 }))
  const refused: [string, object, number, unknown][] = [
    [
      id,
      { NanoCpus: 9999e9 },
      400,
      `Range of CPUs is from 0.01 to ${LAST + 1}.00, as there are only ${LAST + 1} CPUs available`,
    ],
    [
      id,
      { CpuPeriod: 100 },
      400,
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [id, { CpusetCpus: '777' }, 400, `Requested CPUs are not available - requested 777, available: ${ALL}`],
    [id, { CpusetCpus: 'x' }, 400, 'Invalid value x for cpuset cpus: invalid format: x'],
    [
      id,
      { CpusetMems: '99' },
      400,
      expect.stringMatching(/^Requested memory nodes are not available - requested 99, /),
    ],
    [
      id,
      { CpuQuota: 50_000 },
      409,
      `Cannot update container ${id}: Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set`,
    ],
    [
      id,
      { CpuPeriod: 50_000 },
      409,
      `Cannot update container ${id}: Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set`,
    ],
    [
      quota,
      { NanoCpus: 1e9 },
      409,
      `Cannot update container ${quota}: Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set`,
    ],
  ]
  for (const [container, body, status, message] of refused) {
    expect(await update(container, body)).toMatchObject({ status, json: { message } })
  }
  const both = await post('/containers/create', shell('true', { NanoCpus: 1e9, CpuQuota: 1000 }))
  expect(both.json.message).toBe('Conflicting options: Nano CPUs and CPU Quota cannot both be set')
  await Promise.all([remove(skiff, id), remove(skiff, quota)])
})

test('realtime CPU time is had from version 1 of cgroups with the kernel’s help, or refused', async () => {
  const answer = await post('/containers/create', shell('true', { CpuRealtimeRuntime: 1000 }))
  if (answer.status === 201) {
    const id = answer.json.Id
    const started = await post(`/containers/${id}/start`, {})
    // The groups above have no realtime to give away.
    if (started.status !== 204) expect(started.json.message).toMatch(/write 1000 to cpu.rt_runtime_us: EINVAL/)
    await remove(skiff, id)
  } else expect(answer.json.message).toBe('Your kernel does not support CPU real-time scheduler')
  await remove(skiff, await create(skiff, shell('true')))
})
