import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sealedMemfd } from '../../../src/kernel/memfd.ts'
import {
  makeNetworkNamespace,
  makeNetworkNamespaceInBackground,
  openNetworkNamespace,
  socketInNetworkNamespace,
} from '../../../src/kernel/namespaces.ts'
import { BUILD_DIR } from '../../../src/kernel/native.ts'
import { openPidfd, pidfdIsAlive, pidfdSendSignal, reapChild } from '../../../src/kernel/pidfd.ts'
import { listenUnix, socketPair } from '../../../src/kernel/sockets.ts'
import { spawn } from '../../../src/kernel/spawn.ts'
import { syscall } from '../../../src/kernel/syscall.ts'
import { launchShim } from '../../../src/runtime/shim/shim.ts'
import { commandProgram, launchOf } from '../shim/programs.ts'

const AF_INET = 2
const SOCK_DGRAM_CLOEXEC = 0o2000002
const SIOCGIFFLAGS = 0x8913
const SIOCGIFCONF = 0x8912
const IFF_UP = 1
const SHELL = '/bin/sh'

const inodeOf = (fd: number): bigint => fstatSync(fd, { bigint: true }).ino

async function reaped(pid: number): Promise<void> {
  while (!reapChild(pid)) await new Promise(resolve => setTimeout(resolve, 2))
}

/** Runs a shell script with descriptors from 3 on, and gives what it wrote to a file. */
async function spawnShell(script: string, fds: readonly number[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'skiff-spawn-'))
  const shell = openSync(SHELL, constants.O_RDONLY)
  try {
    const pid = await spawn({ executable: shell, argv: ['a-name', '-c', `exec > ${folder}/out; ${script}`], fds })
    await reaped(pid)
    return await readFile(join(folder, 'out'), 'utf8')
  } finally {
    closeSync(shell)
    await rm(folder, { recursive: true })
  }
}

describe('spawn', () => {
  it('places descriptors from 3 on, in any order, and passes no other', async () => {
    const files = ['/etc/passwd', '/etc/group', '/etc/hostname'].map(path => openSync(path, constants.O_RDONLY))
    // Numbers that are each other's targets among them.
    const [a, b, c] = files as [number, number, number]
    const output = await spawnShell('ls -l /proc/$$/fd', [c, a, c, b])
    for (const file of files) closeSync(file)
    const links = [...output.matchAll(/(\d+) -> (.*)/g)].map(match => `${match[1]} ${match[2]}`)
    expect(links.filter(link => !/^(1|\d\d+) /.test(link))).toEqual([
      '0 /dev/null',
      '2 /dev/null',
      '3 /etc/hostname',
      '4 /etc/passwd',
      '5 /etc/hostname',
      '6 /etc/group',
    ])
    // Its own script, and its standard output: what the shell opened itself.
    expect(links.length).toBeLessThanOrEqual(8)
  })

  it('gives the program its arguments, no environment, and no signals yet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'skiff-spawn-'))
    const dd = openSync('/bin/dd', constants.O_RDONLY)
    const read = async (file: string): Promise<string> => {
      const argv = ['a-name', `if=/proc/self/${file}`, `of=${folder}/out`]
      await reaped(await spawn({ executable: dd, argv, fds: [] }))
      return await readFile(join(folder, 'out'), 'latin1')
    }
    expect((await read('cmdline')).split('\0')).toEqual(['a-name', 'if=/proc/self/cmdline', `of=${folder}/out`, ''])
    // All but SIGKILL and SIGSTOP.
    expect(await read('status')).toContain('SigBlk:\tfffffffffffbfeff\n')
    expect(await read('environ')).toBe('')
    closeSync(dd)
    await rm(folder, { recursive: true })
  })

  it('says why a program cannot be executed, and leaves no zombie', async () => {
    const file = openSync('/etc/passwd', constants.O_RDONLY)
    const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    const before = children()
    await expect(spawn({ executable: file, argv: ['x'], fds: [] })).rejects.toThrow(
      expect.objectContaining({ code: 'EACCES' }),
    )
    await expect(spawn({ executable: file, argv: ['x'], fds: [9999] })).rejects.toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    )
    closeSync(file)
    expect(children()).toBe(before)
  })
})

describe('a sealed memfd', () => {
  it('cannot be changed by anybody', () => {
    const fd = sealedMemfd('secret', Buffer.from('content'))
    expect(readFileSync(`/proc/self/fd/${fd}`, 'utf8')).toBe('content')
    const again = openSync(`/proc/self/fd/${fd}`, constants.O_RDWR)
    expect(syscall('write', again, 'x', 1)).toBe(-1)
    expect(syscall('ftruncate', again, 0)).toBe(-1)
    closeSync(again)
    closeSync(fd)
  })
})

describe('a pidfd', () => {
  it('signals one process, and knows when it is gone', async () => {
    const shell = openSync('/bin/sleep', constants.O_RDONLY)
    const pid = await spawn({ executable: shell, argv: ['sleep', '1000'], fds: [] })
    closeSync(shell)
    const pidfd = openPidfd(pid)
    expect(pidfdIsAlive(pidfd)).toBe(true)
    expect(reapChild(pid)).toBe(false)
    expect(pidfdSendSignal(pidfd, 9)).toBe(true)
    while (!/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
      await new Promise(resolve => setTimeout(resolve, 2))
    expect(reapChild(pid)).toBe(true)
    expect(() => readFileSync(`/proc/${pid}/status`)).toThrow('ENOENT')
    expect(pidfdIsAlive(pidfd)).toBe(false)
    expect(pidfdSendSignal(pidfd, 9)).toBe(false)
    expect(reapChild(pid)).toBe(true)
    closeSync(pidfd)
  })
})

describe('sockets', () => {
  it('are files that only their owner may connect to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'skiff-socket-'))
    const folderFd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    const mask = process.umask(0)
    const fd = listenUnix(folderFd, 'x.sock', 1)
    process.umask(mask)
    expect((await stat(join(folder, 'x.sock'))).mode & 0o777).toBe(0o600)
    expect(() => listenUnix(folderFd, 'x.sock', 1)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
    closeSync(fd)
    closeSync(folderFd)
    await rm(folder, { recursive: true })
  })

  it('come in pairs', () => {
    const [a, b] = socketPair()
    expect(syscall('write', a, 'hi', 2)).toBe(2)
    const into = Buffer.alloc(2)
    expect(syscall('read', b, into, 2)).toBe(2)
    expect(into.toString()).toBe('hi')
    closeSync(a)
    closeSync(b)
  })
})

describe('a network namespace', () => {
  const own = () => readlinkSync('/proc/thread-self/ns/net')

  it('is new, has a loopback that is up and nothing else, and nobody stays in it', async () => {
    const before = own()
    for (const netns of [makeNetworkNamespace(), await makeNetworkNamespaceInBackground()]) {
      expect(own()).toBe(before)
      expect(`net:[${inodeOf(netns)}]`).not.toBe(before)
      const socket = socketInNetworkNamespace(netns, AF_INET, SOCK_DGRAM_CLOEXEC, 0)
      const request = Buffer.alloc(40)
      request.write('lo')
      expect(syscall('ioctl', socket, SIOCGIFFLAGS, request)).toBe(0)
      expect(request.readUInt16LE(16) & IFF_UP).toBe(IFF_UP)
      // With a null buffer: how many bytes the list of interfaces with an address takes.
      const list = Buffer.alloc(16)
      expect(syscall('ioctl', socket, SIOCGIFCONF, list)).toBe(0)
      expect(list.readInt32LE(0)).toBe(40)
      closeSync(socket)
      closeSync(netns)
    }
    expect(own()).toBe(before)
  })

  it('of a process can be opened', () => {
    const netns = openNetworkNamespace(process.pid)
    expect(`net:[${inodeOf(netns)}]`).toBe(own())
    closeSync(netns)
    expect(() => openNetworkNamespace(2 ** 22 + 1)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
  })

  it('that is none is refused, from where one stands', () => {
    const file = openSync('/etc/passwd', constants.O_RDONLY)
    const before = own()
    expect(() => socketInNetworkNamespace(file, AF_INET, SOCK_DGRAM_CLOEXEC, 0)).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    )
    expect(own()).toBe(before)
    closeSync(file)
  })

  it('leaks no descriptor', async () => {
    const count = async () => (await readdir('/proc/self/fd')).length
    const before = await count()
    for (let i = 0; i < 5; i++) closeSync(makeNetworkNamespace())
    expect(await count()).toBe(before)
  })
})

describe('skiff-init', () => {
  const init = openSync(`${BUILD_DIR}skiff-init`, constants.O_RDONLY)
  const status = async (...argv: string[]): Promise<number> => {
    const pid = await spawn({ executable: init, argv: ['init', ...argv], fds: [] })
    const info = Buffer.alloc(128)
    while (info.readInt32LE(16) !== pid) {
      syscall('waitid', 1, pid, info, 4 | 1, null)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    return info.readInt32LE(24)
  }

  it('ends as its child ends', async () => {
    expect(await status('/bin/sh', '-c', 'exit 7')).toBe(7)
    expect(await status('sh', '-c', 'exit 8')).toBe(8)
    expect(await status('/bin/sh', '-c', 'kill -9 $$')).toBe(128 + 9)
    expect(await status('/no/such')).toBe(127)
    expect(await status('no-such-command')).toBe(127)
    expect(await status('/etc/passwd')).toBe(126)
  })

  it('hands signals on, and reaps orphans', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'skiff-init-'))
    // As PID 1 of its own namespace, as in a container.
    const script = `trap 'exit 33' TERM; (sleep 0.01 &) ; : > ${folder}/ready; while :; do sleep 0.01; done`
    const program = commandProgram([`${BUILD_DIR}skiff-init`, '/bin/sh', '-c', script])
    const shim = await launchShim(launchOf(folder, program, { cloneFlags: 0x20000000 }))
    while (!(await readdir(folder)).includes('ready')) await new Promise(resolve => setTimeout(resolve, 2))
    const zombies = async (): Promise<number> => {
      const children = await readFile(`/proc/${shim.started.pid}/task/${shim.started.pid}/children`, 'utf8')
      return children.trim().split(' ').length
    }
    // The orphan becomes init's child, and goes: the shell alone stays.
    while ((await zombies()) !== 1) await new Promise(resolve => setTimeout(resolve, 2))
    shim.signal(15)
    expect((await shim.exited).exitCode).toBe(33)
    await rm(folder, { recursive: true })
  })
})
