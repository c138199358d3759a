/**
 * Ways into namespaces of others, or up to root in one of one's own: a user namespace gives every capability in itself, and with it the
 * kernel code behind them (CVE-2022-0185 by fsconfig, CVE-2020-8835 by bpf, CVE-2016-5195 needs neither and is the kernel's to mend).
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../support/engine.ts'
import { attackLines, startVictim } from './attack.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startVictim()
})

const KINDS = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup']
const unshare = KINDS.map(kind => `/attack/try unshare ${kind}`).join('; ')

describe('a new namespace', () => {
  test('is refused to root in a container', async () => {
    expect(await attackLines(engine, unshare)).toEqual(KINDS.map(() => 'EPERM'))
  })

  test('and to others, by either call', async () => {
    const script = `${unshare}; /attack/try clone3 user`
    expect(await attackLines(engine, script, {}, { User: '1000' })).toEqual([...KINDS.map(() => 'EPERM'), 'ENOSYS'])
  })

  test('while CAP_SYS_ADMIN, which Docker gives nobody by default, is the right to make them', async () => {
    expect(await attackLines(engine, unshare, { CapAdd: ['SYS_ADMIN'] })).toEqual(KINDS.map(() => 'ok'))
  })
})

describe("with the host's PID namespace", () => {
  const host = { PidMode: 'host' }
  /** A process of the host, with no more rights than the tests have. */
  let victim: ChildProcess
  beforeAll(() => {
    victim = spawn('sleep', ['1000'])
  })
  afterAll(() => void victim.kill())
  const opens = () =>
    ['root/etc/passwd', 'cwd', 'fd/0', 'environ', 'mem', 'ns/mnt']
      .map(name => `/attack/try open /proc/${victim.pid}/${name} r`)
      .join('; ')

  test('its processes cannot be looked into', async () => {
    expect(new Set(await attackLines(engine, opens(), host))).toEqual(new Set(['EACCES']))
  })

  test('nor entered, nor traced', async () => {
    const script = `/attack/try setns /proc/1/ns/mnt; /attack/try setns /proc/${victim.pid}/ns/pid; /attack/try ptrace ${victim.pid}`
    for (const outcome of await attackLines(engine, script, host)) expect(['EPERM', 'EACCES']).toContain(outcome)
  })

  test('while --privileged may', async () => {
    const [passwd] = await attackLines(engine, opens(), { ...host, Privileged: true })
    expect(passwd).toBe('ok')
  })
})

describe('a file handle', () => {
  // "Shocker": open_by_handle_at goes by inode, past every mount.
  test('opens nothing', async () => {
    expect(await attackLines(engine, '/attack/try handle /etc/hosts')).toEqual(['EPERM'])
  })

  test('while CAP_DAC_READ_SEARCH is the right to open all', async () => {
    expect(await attackLines(engine, '/attack/try handle /etc/hosts', { CapAdd: ['DAC_READ_SEARCH'] })).toEqual(['ok'])
  })
})
