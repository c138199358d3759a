/**
 * Every step of a start may fail. For each one: the start is refused with the name of that very step, and nothing of it
 * stays: no process, no mount, no descriptor in the daemon, nobody in the cgroup.
 */

import { closeSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPidfd } from '../../src/kernel/pidfd.ts'
import type { Program, Step } from '../../src/program/step.ts'
import type { Compiled } from '../../src/runtime/compile/container.ts'
import { planContainer, planExec, type StartedProcess, startContainer } from '../../src/runtime/runtime.ts'
import { StepFailure } from '../../src/runtime/shim/failure.ts'
import { launchShim } from '../../src/runtime/shim/shim.ts'
import type { ContainerSpec } from '../../src/runtime/spec.ts'
import { makeSandbox, type Sandbox } from '../unit/runtime/sandbox.ts'

let sandbox: Sandbox
let group: string
beforeAll(async () => {
  sandbox = await makeSandbox()
  group = await makeGroup()
})
afterAll(async () => {
  await rmdir(group)
  await sandbox.remove()
})

/** A cgroup of our own, of the kind that this machine has. */
async function makeGroup(): Promise<string> {
  const pids = await readdir('/sys/fs/cgroup/pids').catch(() => null)
  return mkdtemp(join(pids ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup', 'skiff-test-step-'))
}

/** A container with something of every kind. */
const rich = (): ContainerSpec =>
  sandbox.spec(() => ({
    id: `skiff-test-step-${process.pid}`,
    rootReadonly: true,
    mounts: [
      { kind: 'bind', source: '/etc', target: '/mnt/etc', readonly: true, recursive: true, propagation: 'rslave' },
      {
        kind: 'bind',
        source: '/etc/hostname',
        target: '/etc/hostname',
        readonly: false,
        recursive: false,
        propagation: 'rprivate',
      },
      { kind: 'tmpfs', target: '/tmp', options: ['nosuid', 'size=64k'] },
    ],
    devices: [{ path: '/dev/net/tun', type: 'c', major: 10, minor: 200, mode: 0o660, uid: 0, gid: 5 }],
    sysctls: { 'net.ipv4.ip_forward': '1' },
    domainname: 'example.org',
    cgroup: {
      intoPath: null,
      tasksFiles: group.includes('/pids/') ? [join(group, 'tasks')] : [join(group, 'cgroup.procs')],
    },
    process: sandbox.process({
      argv: ['true'],
      uid: 1000,
      gid: 1000,
      groups: [1000],
      cwd: '/work',
      terminal: true,
      consoleSize: { rows: 24, columns: 80 },
      oomScoreAdj: 0,
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 100, required: true }],
    }),
  }))

/** fchdir(-1) is EBADF: nothing is done, and nobody tolerates it. */
const failing = (step: Step): Step => ({
  call: 'fchdir',
  args: [-1],
  names: ['fd'],
  man: 'chdir(2)',
  why: 'a fault was put here',
  ...(step.act && { act: step.act }),
})

const withFault = (program: Program, at: number): Program => ({
  ...program,
  steps: program.steps.map((step, index) => (index === at ? failing(step) : step)),
})

let launches = 0
async function attempt(compiled: Compiled, terminal: boolean): Promise<StepFailure> {
  const runDir = join(sandbox.folder, `run/fault-${launches++}`)
  await mkdir(runDir, { mode: 0o700 })
  const { before, program, cloneFlags, passedFds } = compiled
  try {
    const handle = await launchShim({
      id: `skiff-test-step-${process.pid}`,
      runDir,
      program,
      cloneFlags,
      passedFds,
      terminal,
      stdin: 'null',
      log: null,
      attach: [],
      ...(before && { before }),
    })
    handle.signal(9)
    await handle.exited
  } catch (error) {
    if (error instanceof StepFailure) return error
    throw error
  } finally {
    expect(await readdir(runDir)).not.toContain('started.json')
    await rm(runDir, { recursive: true })
  }
  throw new Error('the start should have failed')
}

interface Remains {
  mounts: number
  descriptors: string[]
  shims: string[]
  members: string
}

/** What a failed start could have left. */
async function remains(): Promise<Remains> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const commands = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8')
  return {
    mounts: mountinfo.split('\n').filter(line => line.includes(sandbox.folder)).length,
    descriptors: (await readdir('/proc/self/fd')).sort(),
    shims: commands.filter(command => command.includes(`skiff-test-step-${process.pid}`)).sort(),
    members: await readFile(join(group, 'cgroup.procs'), 'utf8'),
  }
}

/** A shim that has reported its failure may need a moment to be reaped. */
async function expectTheSame(before: Remains): Promise<void> {
  await expect
    .poll(async () => ({ ...(await remains()), descriptors: [] }), { timeout: 10_000 })
    .toEqual({ ...before, descriptors: [] })
  expect((await remains()).descriptors.length).toBeLessThanOrEqual(before.descriptors.length)
}

async function failEach(compiled: Compiled, terminal: boolean): Promise<void> {
  const first = compiled.program.steps.findIndex(step => step.call === 'execve')
  await attempt({ ...compiled, program: withFault(compiled.program, 0) }, terminal)
  const clean = await remains()
  for (let at = 0; at <= first; at++) {
    const failure = await attempt({ ...compiled, program: withFault(compiled.program, at) }, terminal)
    expect(failure).toMatchObject({ stage: 'main', index: at, code: 'EBADF', syscall: 'fchdir' })
    expect(failure.reports.main).toHaveLength(at + 1)
  }
  await expectTheSame(clean)
}

describe('a fault at each step', () => {
  it('of a container leaves nothing behind', async () => {
    await failEach(await planContainer(rich(), 'null'), true)
  })

  it('before the clone leaves nothing behind', async () => {
    const spec = {
      ...rich(),
      namespaces: { ...rich().namespaces, pid: { kind: 'fd' as const, fd: openPidfd(process.pid), of: 'us' } },
    }
    const compiled = await planContainer(spec, 'null')
    const before = compiled.before!
    const clean = await remains()
    for (const at of before.steps.keys()) {
      const failure = await attempt({ ...compiled, before: withFault(before, at) }, true)
      expect(failure).toMatchObject({ stage: 'before', index: at, code: 'EBADF' })
    }
    await expectTheSame(clean)
    closeSync(spec.namespaces.pid.fd)
  })

  it('of a further process leaves the container as it is', async () => {
    const plain = sandbox.spec(() => ({ process: sandbox.process({ argv: ['sleep', '1000'] }) }))
    const runDir = join(sandbox.folder, 'run/container')
    await mkdir(runDir)
    const container: StartedProcess = await startContainer(plain, { runDir, stdin: 'null', log: null, attach: [] })
    const pidfd = openPidfd(container.handle.started.pid)
    try {
      const spec = {
        containerId: plain.id,
        pidfd,
        process: rich().process,
        seccomp: plain.seccomp,
        cgroup: rich().cgroup,
      }
      await failEach(await planExec({ ...spec, process: { ...spec.process, cwd: '/' } }, 'null'), true)
      expect(container.handle.reports.main.at(-1)?.result).toBeLessThanOrEqual(0)
    } finally {
      closeSync(pidfd)
      container.handle.signal(9)
      expect(await container.handle.exited).toMatchObject({ signal: 9 })
    }
  })
})
