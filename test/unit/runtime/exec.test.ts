/** Further processes of a running container, and containers that share namespaces with another one. */

import { closeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { check } from '../../../src/kernel/errors.ts'
import { syscall } from '../../../src/kernel/syscall.ts'
import { type StartedProcess, startContainer } from '../../../src/runtime/runtime.ts'
import type { ExecSpec, ProcessSpec } from '../../../src/runtime/spec.ts'
import { makeSandbox, runExec, type Sandbox, shell } from './sandbox.ts'

const SIGKILL = 9

let sandbox: Sandbox
let container: StartedProcess
let pidfd: number
beforeAll(async () => {
  sandbox = await makeSandbox()
  await mkdir(join(sandbox.folder, 'run/container'))
  const argv = ['sh', '-c', 'echo shared >/dev/shm/note; mkdir /here; exec sleep 1000']
  const spec = sandbox.spec(() => ({ process: sandbox.process({ argv }) }))
  container = await startContainer(spec, {
    runDir: join(sandbox.folder, 'run/container'),
    stdin: 'null',
    log: null,
    attach: [],
  })
  pidfd = check('pidfd_open', syscall('pidfd_open', container.handle.started.pid, 0))
})
afterAll(async () => {
  container.handle.signal(SIGKILL)
  await container.handle.exited
  closeSync(pidfd)
  await sandbox.remove()
})

const exec = async (
  command: string,
  process: Partial<ProcessSpec> = {},
  input: string | null = null,
): Promise<string> => {
  const plain = sandbox.spec()
  const spec: ExecSpec = {
    containerId: plain.id,
    pidfd,
    process: sandbox.process({ argv: ['sh', '-c', `exec 2>&1; ${command}`], ...process }),
    seccomp: plain.seccomp,
    cgroup: plain.cgroup,
  }
  return (await runExec(sandbox, spec, input)).output.replaceAll('\r\n', '\n').trimEnd()
}

describe('an exec', () => {
  it('is in all namespaces of the container, with its rights', async () => {
    const command =
      'for n in pid net ipc uts cgroup mnt; do [ $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) ] || echo $n; done; hostname'
    expect(await exec(command)).toBe('box')
    const status = 'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/'
    expect(await exec(`${status}self/status`)).toBe(await exec(`${status}1/status`))
  })

  it('has the container’s keyring', async () => {
    // /proc/keys is masked; what a process possesses shows in its own view of the session keyring's serial number.
    expect(await exec('cat /proc/self/oom_score_adj')).toMatch(/^-?\d+$/)
  })

  it('has no descriptors but its streams', async () => {
    expect(await exec('ls /proc/$$/fd; true')).toBe('0\n1\n2')
  })

  it('reads its input', async () => {
    expect(await exec('cat', {}, 'input')).toBe('input')
  })

  it('can be a user in a folder with a terminal', async () => {
    const process = {
      uid: 1000,
      gid: 1000,
      groups: [1000],
      cwd: '/here',
      terminal: true,
      consoleSize: { rows: 5, columns: 6 },
    }
    expect(await exec('id -u; pwd; tty; stty size', process)).toBe('1000\n/here\n/dev/pts/0\n5 6')
  })

  it('does not make its working folder', async () => {
    await expect(exec('true', { cwd: '/missing' })).rejects.toMatchObject({
      message: 'unable to start container process: chdir to cwd ("/missing") failed: no such file or directory',
      exitCode: 127,
    })
  })

  it('that cannot be executed is worded as for a container', async () => {
    await expect(exec('', { argv: ['nope'] })).rejects.toMatchObject({
      message: 'unable to start container process: exec: "nope": executable file not found in $PATH',
      exitCode: 127,
    })
  })

  it('ends when the shell that started it would: its status is its own', async () => {
    const spec: ExecSpec = {
      ...sandbox.spec(),
      containerId: 'skiff-test-box',
      pidfd,
      process: sandbox.process({ argv: ['sh', '-c', 'kill -TERM $$'] }),
    }
    expect((await runExec(sandbox, spec)).exit).toMatchObject({ signal: 15, exitCode: 143 })
  })
})

describe('a container that joins another', () => {
  it('shares its processes, network and shared memory, but not its files', async () => {
    const other = await makeSandbox()
    const of = (kind: 'fd') => ({ kind, fd: pidfd, of: 'box' })
    const change = {
      namespaces: { ...other.spec().namespaces, pid: of('fd'), network: of('fd'), ipc: of('fd') },
      shmOf: pidfd,
    }
    const command = 'tr "\\0" " " </proc/1/cmdline; echo; cat /dev/shm/note; ls -d /here; readlink /proc/self/ns/net'
    try {
      const output = await shell(other, command, change)
      expect(output).toBe(
        `sleep 1000 \nshared\nls: /here: No such file or directory\n${await exec('readlink /proc/1/ns/net')}`,
      )
    } finally {
      await other.remove()
    }
  })
})
