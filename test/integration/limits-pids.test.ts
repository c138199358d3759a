/** A limit on processes: fork bombs. pids(7) of cgroups: Documentation/admin-guide/cgroup-v1/pids.rst. */

import { beforeAll, expect, test } from 'vitest'
import { exec, inspect, remove, type Spec, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { groupFile, until } from '../support/limits.ts'

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
const update = (id: string, body: object) => skiff.api.request('POST', `/containers/${id}/update`, { body })
const count = async (id: string, file: string): Promise<number> => {
  const text = await groupFile(skiff, id, 'pids', { v1: file, v2: file })
  return text === 'max' ? Number.POSITIVE_INFINITY : Number(text)
}
/** How often the kernel has refused a fork: `max 3`. */
const refusals = async (id: string): Promise<number> =>
  Number((await groupFile(skiff, id, 'pids', { v1: 'pids.events', v2: 'pids.events' })).split(' ')[1])

test('a fork bomb stays in its container, which can be killed; the daemon and the others do not notice', async () => {
  const other = await start(skiff, shell('while :; do sleep 0.05; done'))
  // Each copy makes two more, and goes on trying. A shell that cannot fork ends: the first process must not be one of these.
  const bomb = shell(
    'echo "sh /bomb & sh /bomb & wait; sleep 0.1; sh /bomb" > /bomb; while :; do (sh /bomb) 2>/dev/null; done',
    {
      PidsLimit: 30,
      CpuShares: 2,
    },
  )
  const id = await start(skiff, bomb)
  await until(
    () => refusals(id),
    times => times >= 20,
  )
  expect(await count(id, 'pids.current')).toBeLessThanOrEqual(30)
  expect((await exec(skiff, other, ['echo', 'well'])).stdout).toBe('well\n')
  expect((await inspect(skiff, id)).State.Running).toBe(true)
  await skiff.api.post(`/containers/${id}/kill`)
  expect(
    (
      await until(
        () => inspect(skiff, id),
        ({ State }) => !State.Running,
      )
    ).State.ExitCode,
  ).toBe(137)
  expect((await inspect(skiff, other)).State.Running).toBe(true)
  await Promise.all([remove(skiff, id), remove(skiff, other)])
})

test('the limit of an update counts from that moment, in both directions', async () => {
  const id = await start(skiff, shell('sleep 100000'))
  // Waits for what it has killed: nobody else in there would, and what is not waited for counts.
  const forked = async () => {
    const script = 'i=0; while [ $i -lt 12 ]; do sleep 1000 & i=$((i+1)); done; echo all; kill $(jobs -p); wait'
    return (await exec(skiff, id, ['sh', '-c', script])).stdout
  }
  expect(await forked()).toBe('all\n')
  expect((await update(id, { PidsLimit: 6 })).json).toEqual({ Warnings: [] })
  expect(await forked()).toBe('')
  expect((await inspect(skiff, id)).HostConfig.PidsLimit).toBe(6)
  // Docker: zero and below are no limit; not given is what it was.
  await update(id, { CpuShares: 512 })
  expect(await count(id, 'pids.max')).toBe(6)
  await update(id, { PidsLimit: 0 })
  expect(await count(id, 'pids.max')).toBe(Number.POSITIVE_INFINITY)
  await remove(skiff, id)
})

test('a restart policy counts from its update, for the process that runs then', async () => {
  const id = await start(
    skiff,
    shell('until [ -e /go ]; do sleep 0.05; done; exit 3', { RestartPolicy: { Name: 'always' } }),
  )
  await update(id, { RestartPolicy: { Name: 'no' } })
  await exec(skiff, id, ['touch', '/go'])
  expect(await wait(skiff, id)).toBe(3)
  expect(await inspect(skiff, id)).toMatchObject({ RestartCount: 0, State: { Status: 'exited', Restarting: false } })
  await update(id, { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } })
  // Docker's client sends an empty policy along with other limits: it changes nothing.
  await update(id, { CpuShares: 100, RestartPolicy: { Name: '', MaximumRetryCount: 0 } })
  expect((await inspect(skiff, id)).HostConfig.RestartPolicy).toEqual({ Name: 'on-failure', MaximumRetryCount: 2 })
  await skiff.api.post(`/containers/${id}/start`)
  const last = await until(
    () => inspect(skiff, id),
    ({ RestartCount, State }) => RestartCount === 2 && State.Status === 'exited',
  )
  expect(last.State.ExitCode).toBe(3)
  await remove(skiff, id)
})

test('a restart policy is refused to a container that removes itself', async () => {
  const id = await start(skiff, shell('sleep 100000', { AutoRemove: true }))
  expect(await update(id, { RestartPolicy: { Name: 'always' } })).toMatchObject({
    status: 409,
    json: {
      message: `Cannot update container ${id}: Restart policy cannot be updated because AutoRemove is enabled for the container`,
    },
  })
  await remove(skiff, id)
})
