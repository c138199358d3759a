/**
 * What every cgroup driver must do, shown by processes that try to exceed what they are given. `cgroups.test.ts` runs it for
 * each view of the machine: v1 alone, v2 alone, both together.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCgroups } from '../../src/cgroups/cgroups.ts'
import { ALLOW_ALL_DEVICES, DEFAULT_DEVICE_RULES } from '../../src/cgroups/device-rules.ts'
import type { Layout } from '../../src/cgroups/layout.ts'
import { removeGroup } from '../../src/cgroups/remove.ts'
import type { Cgroup, Cgroups, OomEvent, Resources } from '../../src/cgroups/types.ts'
import { Conflict, InvalidParameter, Unavailable } from '../../src/kernel/errors.ts'

const MIB = 2 ** 20

export function cgroupsContract(layout: () => Layout): void {
  const parent = `skiff-test-${process.env.SKIFF_TEST_RUN}-cgroups`
  let cgroups: Cgroups
  const groups: Cgroup[] = []
  const children: ChildProcess[] = []

  beforeEach(() => {
    cgroups = openCgroups({ parent, layout: layout() })
  })

  afterEach(async () => {
    for (const group of groups.splice(0)) {
      await group.kill()
      await group.remove()
    }
    await Promise.all(children.splice(0).map(ended))
    cgroups.release()
    for (const folder of cgroups.folders('x')) expect(existsSync(join(folder.path, '..'))).toBe(false)
  })

  async function create(resources: Resources = {}, name = `c${groups.length}`): Promise<Cgroup> {
    const group = await cgroups.create(name, resources)
    groups.push(group)
    return group
  }

  /** A shell in the group, which joins it as a container's first process does. Resolves when it has. */
  async function run(group: Cgroup, script: string): Promise<Shell> {
    const files = [...group.join.tasksFiles]
    if (group.join.intoPath) files.push(join(group.join.intoPath, 'cgroup.procs'))
    const enter = 'for file; do echo 0 > "$file" || exit 99; done; echo joined;'
    const child = spawn('/bin/sh', ['-c', `${enter} ${script}`, 'sh', ...files], { stdio: ['pipe', 'pipe', 'pipe'] })
    children.push(child)
    const shell = { child, output: '' }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        shell.output += text
      })
    }
    await until(() => shell.output.includes('joined\n') || child.exitCode !== null)
    return shell
  }

  const finish = async (group: Cgroup, script: string): Promise<string> => {
    const shell = await run(group, script)
    await ended(shell.child)
    return shell.output.replace('joined\n', '')
  }

  test('a process that joins is in the group in every hierarchy, and all of it can be removed', async () => {
    const group = await create()
    expect(group.exists()).toBe(true)
    const { child } = await run(group, 'read line')
    expect(group.processes()).toEqual([child.pid])
    const lines = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')
    for (const { label } of group.folders) expect(lines).toMatch(new RegExp(`:${label}:.*/${parent}/c0$`, 'm'))
    child.stdin?.end('\n')
    await ended(child)
    await group.remove()
    expect(group.exists()).toBe(false)
    for (const { path } of group.folders) expect(existsSync(path)).toBe(false)
    // Gone already: fine.
    await group.remove()
  })

  test('memory: a process that wants more than the limit is killed, counted and announced', async () => {
    const group = await create({ memoryBytes: 24 * MIB })
    const events: OomEvent[] = []
    const watch = group.watchOom(event => events.push(event))
    const { child } = await run(group, HOG)
    const [, signal] = await ended(child)
    expect(signal).toBe('SIGKILL')
    expect(group.oomKills()).toBe(1)
    await until(() => events.length > 0)
    watch.close()
    expect(events).toEqual([{ kills: 1, underOom: false }])
    const { memory } = await group.stats()
    expect(memory?.limitBytes).toBe(24 * MIB)
    expect(memory?.failCount).toBeGreaterThan(0)
  })

  test('memory: without the OOM killer a process waits, which is announced; where the kernel has no such thing, it is refused', async () => {
    const resources = { memoryBytes: 16 * MIB, memorySwapBytes: 16 * MIB, oomKillDisable: true }
    if (!cgroups.supports.oomKillDisable) return expect(create(resources)).rejects.toThrow(Unavailable)
    const group = await create(resources)
    const events: OomEvent[] = []
    const watch = group.watchOom(event => events.push(event))
    const { child } = await run(group, HOG)
    await until(() => events.length > 0)
    expect(events[0]).toEqual({ kills: 0, underOom: true })
    await group.kill()
    expect((await ended(child))[1]).toBe('SIGKILL')
    await until(() => events.length > 1)
    watch.close()
    expect(events[1]).toEqual({ kills: 0, underOom: false })
  })

  test('memory: a limit can be raised and lowered while processes run, with and without swap', async () => {
    const group = await create({ memoryBytes: 32 * MIB, memorySwapBytes: 32 * MIB })
    const limit = async () => (await group.stats()).memory?.limitBytes
    await group.update({ memoryBytes: 64 * MIB, memorySwapBytes: 128 * MIB })
    expect(await limit()).toBe(64 * MIB)
    await group.update({ memoryBytes: 16 * MIB, memorySwapBytes: 16 * MIB })
    expect(await limit()).toBe(16 * MIB)
    await group.update({ memoryBytes: 48 * MIB, memorySwapBytes: -1 })
    expect(await limit()).toBe(48 * MIB)
    await group.update({ memoryBytes: -1 })
    expect(await limit()).toBeGreaterThan(64 * MIB)
  })

  test('memory: without a limit the machine’s memory is the limit', async () => {
    const group = await create()
    await run(group, 'read line')
    const total = Number(/MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024
    const { memory } = await group.stats()
    expect(memory?.limitBytes).toBe(total)
    expect(memory?.usageBytes).toBeGreaterThan(0)
    // The kernel adds up its per-CPU counts now and then: a young group may still show 0.
    expect(memory?.detail).toHaveProperty('pgfault')
  })

  test('pids: a group that forks without end stays within its limit', async () => {
    const group = await create({ pidsLimit: 8 })
    const output = await finish(group, 'i=0; while [ $i -lt 30 ]; do sleep 0.2 & i=$((i+1)); done; wait')
    expect(output).toMatch(/fork/i)
    await group.kill()
    // The dead count until somebody has reaped them: for these it is the machine's init.
    await until(async () => (await group.stats()).pids?.current === 0)
    const limited = await run(group, 'read line')
    expect((await group.stats()).pids).toEqual({ current: 1, limit: 8 })
    await group.update({ pidsLimit: -1 })
    expect((await group.stats()).pids?.limit).toBeNull()
    limited.child.stdin?.end()
  })

  test('cpu: a group beyond its quota is throttled; its time is counted', async () => {
    const group = await create({ nanoCpus: 2e8, cpuShares: 512 })
    const { child } = await run(group, 'while :; do :; done')
    // The kernel adds the time up when it lets the group go on: on some CPU that may be a period later.
    await until(async () => {
      const { throttledPeriods = 0, throttledNs = 0, totalNs = 0 } = (await group.stats()).cpu ?? {}
      return throttledPeriods > 1 && throttledNs > 0 && totalNs > 0
    })
    const { cpu } = await group.stats()
    expect(cpu?.totalNs).toBeGreaterThan(0)
    expect(cpu?.throttledNs).toBeGreaterThan(0)
    expect(cpu?.systemNs).toBeGreaterThan(cpu?.totalNs ?? 0)
    expect(cpu?.onlineCpus).toBeGreaterThan(0)
    child.kill('SIGKILL')
  })

  test('cpu: period and quota can be changed in both directions', async () => {
    const group = await create({ cpuPeriodUs: 50_000, cpuQuotaUs: 25_000 })
    await group.update({ cpuPeriodUs: 200_000, cpuQuotaUs: 400_000 })
    await group.update({ cpuPeriodUs: 10_000, cpuQuotaUs: 5_000 })
    await group.update({ cpuQuotaUs: -1 })
  })

  test('cpuset: processes run on the CPUs they are given', async () => {
    const group = await create({ cpusetCpus: '0', cpusetMems: '0' })
    const output = await finish(group, 'grep ^Cpus_allowed_list: /proc/self/status')
    expect(output).toBe('Cpus_allowed_list:\t0\n')
  })

  test('devices: the default list allows null and mknod, and keeps everything else shut', async () => {
    const group = await create({ devices: [...DEFAULT_DEVICE_RULES] })
    expect(
      await finish(group, `${MAKE_KMSG} && head -c 1 /dev/zero >/dev/null && echo fine; head -c 1 $node; rm $node`),
    ).toMatch(/^fine\n.*not permitted/)
  })

  test('devices: an update takes the place of what was there', async () => {
    const group = await create({ devices: [...DEFAULT_DEVICE_RULES] })
    const readKmsg = () => finish(group, `${MAKE_KMSG}; (exec 3<$node) && echo open; rm $node`)
    const kmsg = { allow: true, type: 'c', major: 1, minor: 11, access: 'r' } as const
    expect(await readKmsg()).toContain('not permitted')
    await group.update({ devices: [...DEFAULT_DEVICE_RULES, kmsg] })
    expect(await readKmsg()).toBe('open\n')
    await group.update({ devices: [...DEFAULT_DEVICE_RULES] })
    expect(await readKmsg()).toContain('not permitted')
    await group.update({ devices: [ALLOW_ALL_DEVICES] })
    expect(await readKmsg()).toBe('open\n')
    await group.update({ devices: [ALLOW_ALL_DEVICES, { ...kmsg, allow: false }] })
    expect(await readKmsg()).toContain('not permitted')
  })

  test('blkio: reading from a device is counted; limits on it are accepted and taken away', async ({ skip }) => {
    if (!existsSync(DISK)) return skip(`no ${DISK}`)
    const at = (value: number) => [{ device: DISK, value }]
    const limits = { blkioDeviceReadBps: at(100 * MIB), blkioDeviceReadIops: at(1000), blkioDeviceWriteBps: at(MIB) }
    const group = await create(limits)
    const current = () => group.settings(limits).map(setting => setting.current ?? '')
    expect(current().join()).toContain(String(100 * MIB))
    // The disk itself where that is allowed, else a file that is known to be on it.
    const read = (file: string) => `dd if=${file} of=/dev/null iflag=direct bs=64k count=16`
    expect(await finish(group, `(${read(DISK)} || ${read(process.execPath)}) 2>&1`)).toContain('1048576 bytes')
    const { blkio } = await group.stats()
    expect(blkio?.serviceBytes.find(({ op }) => op.toLowerCase() === 'read')?.value).toBe(MIB)
    expect(blkio?.serviced.find(({ op }) => op.toLowerCase() === 'read')?.value).toBeGreaterThan(0)
    await group.update({ blkioDeviceReadBps: at(0) })
    expect(current().join()).not.toContain(String(100 * MIB))
  })

  test('blkio: a weight is accepted where the kernel has one, and refused where it has none', async () => {
    if (cgroups.supports.blkioWeight) {
      const group = await create({ blkioWeight: 500 })
      const settings = group.settings({ blkioWeight: 500 }).filter(({ controller }) => controller === 'blkio')
      for (const { value, current } of settings) expect(current).toContain(value)
      expect(settings.length).toBeGreaterThan(0)
    } else await expect(create({ blkioWeight: 500 })).rejects.toThrow(Unavailable)
  })

  test('freeze stops processes until thaw', async () => {
    const group = await create()
    const shell = await run(group, 'trap "echo heard" USR1; while :; do sleep 0.01; done')
    await group.freeze()
    expect(group.isFrozen()).toBe(true)
    shell.child.kill('SIGUSR1')
    await sleep(100)
    expect(shell.output).not.toContain('heard')
    await group.thaw()
    expect(group.isFrozen()).toBe(false)
    await until(() => shell.output.includes('heard'))
  })

  test('kill reaches those that fork, those that are frozen and those in nested groups', async () => {
    const group = await create({ pidsLimit: 50 })
    const forking = await run(group, 'trap "" TERM; while :; do sleep 5 & sleep 0.01; done')
    const nested = await run(group, nestedGroup(group, 'sleep 1000'))
    await until(() => group.processes().length > 4)
    await group.kill()
    await Promise.all([ended(forking.child), ended(nested.child)])
    await until(() => group.processes().length === 0)
    const paused = await run(group, 'sleep 1000')
    await group.freeze()
    await group.kill()
    await ended(paused.child)
    await group.thaw()
    await group.remove()
    expect(group.exists()).toBe(false)
  })

  test('a newcomer goes where the container’s init has gone', async () => {
    const group = await create()
    const { child } = await run(group, 'read line')
    expect(group.joinBeside(child.pid ?? 0)).toEqual(group.join)
    const nested = await run(group, nestedGroup(group, 'echo moved; read line'))
    await until(() => nested.output.includes('moved'))
    const { intoPath, tasksFiles } = group.joinBeside(nested.child.pid ?? 0)
    expect(intoPath).toBe(group.join.intoPath && join(group.join.intoPath, 'nested'))
    expect(tasksFiles).toEqual(group.join.tasksFiles)
    // Somebody who is not in the group at all is no example to follow.
    expect(group.joinBeside(process.pid)).toEqual(group.join)
  })

  test('remove says who is in the way', async () => {
    const group = await create()
    const { child } = await run(group, 'read line')
    await expect(removeGroup(group.folders[0]?.path ?? '', 20)).rejects.toThrow(new RegExp(`in use by ${child.pid}`))
  })

  test('a later daemon finds the group again', async () => {
    const { child } = await run(await create({ memoryBytes: 64 * MIB }), 'sleep 1000')
    const later = openCgroups({ parent, layout: layout() }).open('c0')
    expect(later.exists()).toBe(true)
    expect(later.processes()).toContain(child.pid)
    expect((await later.stats()).memory?.limitBytes).toBe(64 * MIB)
    await later.kill()
    await ended(child)
  })

  test('removeStale removes what is empty, keeps what is wanted and reports what still runs', async () => {
    const [kept, stale, busy] = [await create({}, 'kept'), await create({}, 'stale'), await create({}, 'busy')]
    await run(busy, 'sleep 1000')
    expect(await cgroups.removeStale(new Set(['kept']))).toEqual({ removed: ['stale'], populated: ['busy'] })
    expect([kept, stale, busy].map(group => group.exists())).toEqual([true, false, true])
  })

  test('a value that the kernel refuses is named, and nothing is left', async () => {
    await expect(cgroups.create('c0', { cpusetCpus: '999' })).rejects.toThrow(/^write 999 to cpuset.cpus: E/)
    for (const { path } of cgroups.folders('c0')) expect(existsSync(path)).toBe(false)
    await expect(cgroups.create('c0', { cpuShares: 1 })).rejects.toThrow('the minimum allowed cpu-shares is 2')
    await expect(cgroups.create('../c0', {})).rejects.toThrow(InvalidParameter)
    await expect(cgroups.create('c0', {}, { parent: '../up' })).rejects.toThrow(InvalidParameter)
  })

  test('a group in use is not made a second time; one that was left behind is made anew', async () => {
    const group = await create({ pidsLimit: 5 })
    await cgroups.create('c0', {})
    expect((await group.stats()).pids?.limit).toBeNull()
    await run(group, 'read line')
    await expect(cgroups.create('c0', {})).rejects.toThrow(Conflict)
    expect(group.exists()).toBe(true)
  })

  test('a group goes below another parent when asked to', async () => {
    const group = await cgroups.create(
      'inner',
      { memoryBytes: 64 * MIB, cpusetCpus: '0' },
      { parent: `/${parent}/a/b` },
    )
    groups.push(group)
    expect(group.folders[0]?.path).toContain(`${parent}/a/b/inner`)
    const { child } = await run(group, 'sleep 1000')
    expect(group.processes()).toContain(child.pid)
  })

  test('a plan lists what create writes, and the kernel shows it afterwards', async () => {
    const resources = { memoryBytes: 64 * MIB, pidsLimit: 7, cpusetCpus: '0' }
    const plan = cgroups.plan('c0', resources)
    expect(existsSync(cgroups.folders('c0')[0]?.path ?? '')).toBe(false)
    const settings = (await create(resources)).settings(resources)
    expect(settings.map(({ file, value }) => [file, value])).toEqual(plan.map(({ file, value }) => [file, value]))
    const current = Object.fromEntries(settings.map(({ file, current }) => [file, current]))
    expect(current).toMatchObject({ 'pids.max': '7', 'cpuset.cpus': '0' })
    expect(plan.every(({ why }) => why.length > 0)).toBe(true)
  })

  test('a controller that is missing matters only to who asks for it', async () => {
    const without = layout()
    const hierarchies = without.hierarchies.filter(
      ({ version, controllers }) => version === 1 && !controllers.includes('memory'),
    )
    const poor = openCgroups({ parent: `${parent}-poor`, layout: { ...without, hierarchies } })
    await expect(poor.create('c0', { memoryBytes: MIB })).rejects.toThrow(
      /limit on memory: the cgroup controller memory is not mounted/,
    )
    const group = await poor.create('c0', {})
    expect((await group.stats()).memory).toBeNull()
    expect(group.oomKills()).toBe(0)
    await group.remove()
    poor.release()
  })

  test('the groups can be made again after somebody has removed the parent', async () => {
    cgroups.release()
    const group = await create({ pidsLimit: 3 })
    expect(group.exists()).toBe(true)
  })
}

interface Shell {
  child: ChildProcess
  output: string
}

/** Doubles a string until there is no memory left for it. */
const HOG = 'x=xxxxxxxx; while :; do x=$x$x; done'

const DISK = '/dev/vda'

const MAKE_KMSG = 'node=$(mktemp -u /tmp/skiff-kmsg.XXXXXX); mknod $node c 1 11'

/** A script that moves its shell to a group below, in every hierarchy, and goes on there. */
function nestedGroup(group: Cgroup, script: string): string {
  const folders = group.folders.map(({ path }) => join(path, 'nested'))
  for (const folder of folders) mkdirSync(folder)
  const fill = group.folders
    .filter(({ version, controllers }) => version === 1 && controllers.includes('cpuset'))
    .map(({ path }) => `for f in cpuset.cpus cpuset.mems; do cat ${path}/$f > ${path}/nested/$f; done;`)
  return `${fill.join(' ')} ${folders.map(folder => `echo 0 > ${folder}/cgroup.procs;`).join(' ')} ${script}`
}

async function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  if (child.stdout && !child.stdout.closed) await once(child.stdout, 'close')
  return [child.exitCode, child.signalCode]
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10)
}
