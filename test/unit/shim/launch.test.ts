import { closeSync, constants, openSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { openPidfd } from '../../../src/kernel/pidfd.ts'
import { SLOT } from '../../../src/program/abi.ts'
import { prepareAttach } from '../../../src/runtime/shim/attach.ts'
import { StepFailure } from '../../../src/runtime/shim/failure.ts'
import { adoptShim, launchShim } from '../../../src/runtime/shim/shim.ts'
import type { ShimHandle } from '../../../src/runtime/shim/types.ts'
import { disposeLater } from '../../support/disposal.ts'
import { commandProgram, exec, launchOf, programOf, shellProgram, slot, step, stringArray } from './programs.ts'
import { attachOptions, launch, newFolder, outputOf, SIGKILL } from './support.ts'

const CLONE_NEWPID = 0x20000000
const CLONE_NEWUTS = 0x04000000
const ENOENT = 2
const SIGSTOP = 19
const ESRCH = 3

const stopSelf = [step('getpid', [], { result: slot(20) }), step('kill', [slot(20), SIGSTOP])]

const failureOf = async (promise: Promise<unknown>): Promise<StepFailure> => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StepFailure)
  return error as StepFailure
}

/** Gone, reaped by its parent, as soon as the shim has nothing left to do. */
async function waitForEnd(pid: number): Promise<void> {
  for (;;) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
    if (state === null) return
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

describe('a shim starts a process', () => {
  it('runs its program, and reports each step', async () => {
    const { runDir, shim } = await launch(shellProgram('exit 3'))
    expect(shim.reports.main.map(report => report.result)).toEqual([0, 1, 2])
    expect(shim.reports.main.every(report => report.durationNs > 0)).toBe(true)
    const exit = await shim.exited
    expect(exit).toMatchObject({ pid: shim.started.pid, exitCode: 3, signal: 0, waitStatus: 3 << 8, logEntriesLost: 0 })
    expect(Date.parse(exit.finishedAt)).toBeGreaterThanOrEqual(Date.parse(shim.started.startedAt))
    expect(JSON.parse(await readFile(join(runDir, 'exit.json'), 'utf8'))).toMatchObject({ pid: exit.pid, exitCode: 3 })
    await waitForEnd(shim.started.shimPid)
  })

  it('tells of a signal that ended it', async () => {
    const { shim } = await launch(commandProgram(['/bin/sleep', '1000']))
    shim.signal(SIGKILL)
    expect(await shim.exited).toMatchObject({ exitCode: 128 + SIGKILL, signal: SIGKILL })
  })

  it('can be told from others by ps, by its pid and start time', async () => {
    const { runDir, shim } = await launch(commandProgram(['/bin/sleep', '1000']), { id: 'abc123' })
    expect(await readFile(`/proc/${shim.started.shimPid}/cmdline`, 'latin1')).toBe('skiff-shim\0abc123\0')
    expect(await readFile(`/proc/${shim.started.shimPid}/comm`, 'latin1')).toBe('skiff-shim\n')
    const stat = await readFile(`/proc/${shim.started.pid}/stat`, 'latin1')
    expect(shim.started.startTicks).toBe(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
    expect(JSON.parse(await readFile(join(runDir, 'started.json'), 'utf8'))).toMatchObject({
      pid: shim.started.pid,
      startTicks: shim.started.startTicks,
      shimPid: shim.started.shimPid,
    })
  })

  it('gives it namespaces, slots and passed descriptors', async () => {
    const passed = openSync('/etc/passwd', constants.O_RDONLY)
    const [read, text] = [slot(10), { kind: 'blob', bytes: Buffer.alloc(4), shown: 'text' } as const]
    const program = programOf(
      step('dup3', [slot(SLOT.STDOUT), 1, 0]),
      step('read', [slot(SLOT.FIRST_PASSED), text, 4], { result: read }),
      step('write', [1, text, read]),
      step('sethostname', ['inside', 6]),
      exec(['/bin/sh', '-c', 'echo $$ $(hostname)']),
    )
    const { output } = await outputOf(program, { passedFds: [passed], cloneFlags: CLONE_NEWPID | CLONE_NEWUTS })
    closeSync(passed)
    expect(output).toBe('root1 inside\n')
  })

  it('runs the `before` program in itself: what follows is born there', async () => {
    const first = await launch(commandProgram(['/bin/sleep', '1000']), { cloneFlags: CLONE_NEWPID })
    const pidfd = openPidfd(first.shim.started.pid)
    const { shim } = await launch(commandProgram(['/bin/sleep', '1000']), {
      before: programOf(step('setns', [slot(SLOT.FIRST_PASSED), CLONE_NEWPID])),
      passedFds: [pidfd],
    })
    closeSync(pidfd)
    const namespaceOf = (pid: number) => readlink(`/proc/${pid}/ns/pid`)
    expect(await namespaceOf(shim.started.pid)).toBe(await namespaceOf(first.shim.started.pid))
    expect(await namespaceOf(shim.started.shimPid)).toBe(await readlink('/proc/self/ns/pid'))
    expect(shim.reports.before).toHaveLength(1)
  })

  it('makes no system call between its steps: a filter of the container may forbid all but execve’s', async () => {
    const forbidden = { x64: [1, 228, 3, 39], arm64: [64, 113, 57, 172] }[process.arch as 'x64' | 'arm64']
    // seccomp(2): load the number; kill the process for write, clock_gettime, close and getpid; allow the others.
    const instructions = [
      [0x20, 0, 0, 0],
      ...forbidden.map((number, i) => [0x15, forbidden.length - i, 0, number] as const),
      [0x06, 0, 0, 0x7fff0000],
      [0x06, 0, 0, 0x80000000],
    ] as const
    const filter = Buffer.alloc(instructions.length * 8)
    for (const [i, [code, yes, no, k]] of instructions.entries()) {
      filter.writeUInt16LE(code, i * 8)
      filter.set([yes, no], i * 8 + 2)
      filter.writeUInt32LE(k, i * 8 + 4)
    }
    const fprog = Buffer.alloc(16)
    fprog.writeUInt16LE(instructions.length, 0)
    const blob = { kind: 'blob', bytes: filter, shown: 'filter' } as const
    const program = programOf(
      step('prctl', [38, 1, 0, 0, 0]),
      step('seccomp', [1, 0, { kind: 'blob', bytes: fprog, fields: [{ offset: 8, value: blob }], shown: 'fprog' }]),
      step('umask', [0o22]),
      exec(['/no/such/command']),
    )
    const failure = await failureOf(launch(program))
    expect(failure).toMatchObject({ stage: 'main', index: 3, code: 'ENOENT' })
    expect(failure.reports.main[2]).toMatchObject({ result: 0o22 })
    const closing = {
      ...program,
      steps: [...program.steps.slice(0, 2), step('close', [-1], { tolerate: ['EBADF'] }), exec(['/bin/true'])],
    }
    expect(await failureOf(launch(closing))).toMatchObject({ stage: 'killed', waitStatus: 31 })
  })

  it('lets it be born in its cgroup', async () => {
    const [, mount] = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(await readFile('/proc/self/mountinfo', 'utf8'))!
    const group = `skiff-test-${process.pid}`
    await mkdir(join(mount!, group))
    disposeLater(() => rmdir(join(mount!, group)))
    const folder = openSync(join(mount!, group), constants.O_RDONLY | constants.O_DIRECTORY)
    const { shim } = await launch(commandProgram(['/bin/sleep', '1000']), { cgroupIntoFd: folder })
    closeSync(folder)
    expect(await readFile(`/proc/${shim.started.pid}/cgroup`, 'utf8')).toContain(`0::/${group}\n`)
    expect(await readFile(`/proc/${shim.started.shimPid}/cgroup`, 'utf8')).toBe(
      await readFile('/proc/self/cgroup', 'utf8'),
    )
  })

  it('leaves it nothing but 0, 1 and 2, no mask, and nothing ignored', async () => {
    const passed = openSync('/', constants.O_RDONLY)
    const { output } = await outputOf(
      shellProgram(
        'ls /proc/$$/fd; grep -E "Sig(Blk|Ign)" /proc/self/status; tr "\\0" " " < /proc/self/environ; umask',
      ),
      { passedFds: [passed] },
    )
    closeSync(passed)
    const zero = '0000000000000000'
    expect(output).toBe(`0\n1\n2\nSigBlk:\t${zero}\nSigIgn:\t${zero}\nPATH=/usr/bin:/bin 0022\n`)
  })

  it('keeps host folders out of reach while the program runs (CVE-2024-21626)', async () => {
    // Stopped in the middle of its program, where a working folder of /proc/self/fd/N would be resolved.
    const starting = launch(programOf(...stopSelf, exec(['/bin/true'])), { id: 'stopped' })
    const child = await findStoppedChild()
    const links = await Promise.all(
      (await readdir(`/proc/${child}/fd`)).map(fd => readlink(`/proc/${child}/fd/${fd}`).catch(() => '')),
    )
    process.kill(child, 'SIGCONT')
    await (await starting).shim.exited
    expect(links.length).toBeGreaterThan(3)
    expect(links.filter(link => link !== '/dev/null' && !link.startsWith('pipe:'))).toEqual([])
  })

  it('cannot be looked into from the container before its exec (CVE-2016-9962, CVE-2019-5736)', async () => {
    // Both without capabilities, so that only the dumpable flag decides: see ptrace(2), "Ptrace access mode checking".
    const header = Buffer.alloc(8)
    header.writeUInt32LE(0x20080522, 0)
    const blob = (bytes: Buffer) => ({ kind: 'blob', bytes, shown: '' }) as const
    const dropAll = [
      step('prctl', [28 /* PR_SET_SECUREBITS */, 3, 0, 0, 0]),
      step('capset', [blob(header), blob(Buffer.alloc(24))]),
    ]
    const look = (pid: number) =>
      outputOf(
        programOf(step('dup3', [slot(SLOT.STDOUT), 1, 0]), ...dropAll, exec(['/bin/readlink', `/proc/${pid}/exe`])),
      )
    const starting = launch(programOf(...dropAll, ...stopSelf, exec(['/bin/sleep', '1000'])))
    const child = await findStoppedChild()
    expect(await look(child)).toEqual({ output: '', exitCode: 1 })
    process.kill(child, 'SIGCONT')
    const { shim } = await starting
    expect(await look(child)).toEqual({ output: '/usr/bin/sleep\n', exitCode: 0 })
    expect(await look(shim.started.shimPid)).toEqual({ output: '', exitCode: 1 })
  })

  it('takes in its orphans, tells of its end all the same, and stays until the last has ended', async () => {
    const { runDir, shim, streams } = await launch(shellProgram('sleep 1000 < /dev/null > /dev/null 2>&1 & echo $!'), {
      attach: [attachOptions()],
    })
    const orphan = Number(await text(streams[0]!))
    expect((await shim.exited).exitCode).toBe(0)
    // A daemon that comes now is told the same.
    const adoption = await adoptShim(runDir)
    expect(adoption.kind).toBe('running')
    expect(await (adoption as { handle: ShimHandle }).handle.exited).toEqual(await shim.exited)
    const stat = await readFile(`/proc/${orphan}/stat`, 'latin1')
    expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]).toBe(String(shim.started.shimPid))
    process.kill(orphan, 'SIGKILL')
    await waitForEnd(orphan)
    await waitForEnd(shim.started.shimPid)
  })

  it('works in a folder whose path is longer than a socket address', async () => {
    const deep = join(await newFolder(), 'x'.repeat(100), 'y'.repeat(100))
    await mkdir(deep, { recursive: true })
    const { shim } = await launch(shellProgram('read line; echo $line'), { runDir: deep, stdin: 'open' })
    const stream = await shim.attach(attachOptions({ stdin: true }))
    stream.write('hi\n')
    expect(await text(stream)).toBe('hi\n')
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('forgets the records of an earlier run in its folder', async () => {
    const { runDir, shim } = await launch(shellProgram('exit 1'))
    await shim.exited
    const again = await launch(commandProgram(['/bin/sleep', '1000']), { runDir })
    await expect(readFile(join(runDir, 'exit.json'))).rejects.toThrow('ENOENT')
    expect(JSON.parse(await readFile(join(runDir, 'started.json'), 'utf8'))).toMatchObject({
      pid: again.shim.started.pid,
    })
  })
})

describe('a start that fails', () => {
  it('names the step', async () => {
    const program = programOf(
      step('getpid', []),
      step('chdir', ['/does/not/exist'], { why: 'to be there' }),
      exec(['/bin/true']),
    )
    const failure = await failureOf(launch(program))
    expect(failure).toMatchObject({ stage: 'main', index: 1, code: 'ENOENT', errno: ENOENT, syscall: 'chdir' })
    expect(failure.message).toBe('chdir: ENOENT (to be there)')
    expect(failure.reports.main.map(report => report.result > 0 || report.result)).toEqual([true, -ENOENT])
  })

  it('of the command itself', async () => {
    const failure = await failureOf(launch(commandProgram(['/no/such/command'])))
    expect(failure).toMatchObject({ stage: 'main', index: 3, code: 'ENOENT', syscall: 'execve' })
  })

  it('in the `before` program, at the clone', async () => {
    const before = programOf(step('close', [-1]))
    expect(await failureOf(launch(shellProgram('true'), { before }))).toMatchObject({
      stage: 'before',
      index: 0,
      code: 'EBADF',
    })
    // A pidfd namespace flag that clone3 does not take together with a thread's.
    expect(await failureOf(launch(shellProgram('true'), { cloneFlags: 0x00010000 }))).toMatchObject({
      stage: 'clone',
      code: 'EINVAL',
      syscall: 'clone3',
    })
  })

  it('goes on past errors that a step tolerates', async () => {
    const program = programOf(step('close', [-1], { tolerate: ['EINTR', 'EBADF'] }), exec(['/bin/true']))
    const { shim } = await launch(program)
    expect(shim.reports.main[0]!.result).toBe(-9)
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('by a signal in the middle of the program', async () => {
    const program = programOf(
      step('getpid', [], { result: slot(20) }),
      step('kill', [slot(20), SIGKILL]),
      exec(['/bin/true']),
    )
    const failure = await failureOf(launch(program))
    expect(failure).toMatchObject({ stage: 'killed', waitStatus: SIGKILL, index: null })
  })

  it('of a terminal that was not sent', async () => {
    expect(await failureOf(launch(programOf(exec(['/bin/sleep', '1000'])), { terminal: true }))).toMatchObject({
      stage: 'console',
    })
  })

  it('of a log that cannot be opened', async () => {
    const folder = await newFolder()
    await mkdir(join(folder, 'c.log'))
    const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
    expect(await failureOf(launch(shellProgram('true'), { log }))).toMatchObject({ stage: 'setup', code: 'EISDIR' })
  })

  it('leaves no process, no record and no open client', async () => {
    const runDir = await newFolder()
    const opened = (await readdir('/proc/self/fd')).length
    const client = prepareAttach(attachOptions())
    const closed = new Promise(resolve => client.stream.on('close', resolve))
    await failureOf(launchShim(launchOf(runDir, commandProgram(['/no/such']), { attach: [client] })))
    client.stream.resume()
    await closed
    expect(await readdir(runDir)).toEqual(['shim.sock'])
    while (await hasShimChildren()) await new Promise(resolve => setTimeout(resolve, 2))
    expect((await readdir('/proc/self/fd')).length).toBe(opened)
  })

  it('refuses what cannot be encoded before anything is started', async () => {
    const nul = programOf(step('chdir', ['a\0b']), exec(['/bin/true']))
    await expect(launch(nul)).rejects.toThrow('NUL byte')
    const log = { folder: '/tmp', name: '../x', maxBytes: null, maxFiles: 1, attributes: null }
    await expect(launch(shellProgram('true'), { log })).rejects.toThrow('not a name for a log file')
  })

  it('refuses a program that does not end in an exec', async () => {
    expect(await failureOf(launch(programOf(step('getpid', []))))).toMatchObject({ stage: 'setup', code: 'EINVAL' })
  })

  it('keeps large argument lists whole', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    const script = 'echo ${#1} $#'
    const argument = 'x'.repeat(100_000)
    const argv = ['/bin/sh', '-c', script, 'sh', argument, ...Array.from({ length: 500 }, (_, i) => `a${i}`)]
    const program = programOf(
      step('dup3', [slot(SLOT.STDOUT), 1, 0]),
      step('execve', [argv[0]!, stringArray(argv), stringArray([])]),
    )
    expect((await outputOf(program)).output).toBe('100000 501\n')
  })
})

describe('a process that is signalled', () => {
  it('is never a stranger: after its end nothing is sent', async () => {
    const { shim } = await launch(shellProgram('exit 0'))
    await shim.exited
    shim.signal(SIGKILL)
    await waitForEnd(shim.started.pid)
    expect(() => process.kill(shim.started.pid, 0)).toThrow(expect.objectContaining({ errno: -ESRCH }))
  })

  it('gets signals that it handles', async () => {
    const marker = join(await newFolder(), 'ready')
    const { shim } = await launch(shellProgram(`trap 'exit 42' USR1; : > ${marker}; while :; do sleep 0.01; done`))
    while (!(await readFile(marker).catch(() => null))) await new Promise(resolve => setTimeout(resolve, 5))
    shim.signal(10)
    expect((await shim.exited).exitCode).toBe(42)
    await writeFile(marker, '')
  })
})

/** Zombies count too: they are to be reaped. */
async function hasShimChildren(): Promise<boolean> {
  const children = (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim().split(' ').filter(Boolean)
  const names = await Promise.all(children.map(pid => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')))
  return names.includes('skiff-shim\n')
}

/** The child of this process's youngest shim, once it is stopped. */
async function findStoppedChild(): Promise<number> {
  for (;;) {
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (state !== 'T' || !stat.includes('(skiff-shim)')) continue
      const grandparent = await readFile(`/proc/${parent}/stat`, 'latin1').catch(() => '')
      if (grandparent.slice(grandparent.lastIndexOf(')') + 2).split(' ')[1] === String(process.pid)) return Number(name)
    }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
