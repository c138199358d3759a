import { spawn } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ShimLost } from '../../../src/runtime/shim/failure.ts'
import { adoptShim, launchShim } from '../../../src/runtime/shim/shim.ts'
import type { Adoption, ShimHandle } from '../../../src/runtime/shim/types.ts'
import { disposeLater } from '../../support/disposal.ts'
import { commandProgram, launchOf, shellProgram } from './programs.ts'
import { attachOptions, launch, newFolder, readUntil, SIGKILL } from './support.ts'

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url))

function handleOf(adoption: Adoption): ShimHandle {
  expect(adoption.kind).toBe('running')
  return (adoption as { handle: ShimHandle }).handle
}

/** A shim started by another process, a daemon that is then killed. */
async function orphanedShim(script: string, runDir: string): Promise<void> {
  const daemon = `
    const { launchShim } = await import('${DIST}runtime/shim/shim.js')
    const step = (call, args) => ({ call, args, why: '', man: '' })
    const array = strings => ({ kind: 'blob', shown: '', bytes: new Uint8Array(strings.length * 8 + 8),
      fields: strings.map((value, i) => ({ offset: i * 8, value })) })
    const slot = index => ({ kind: 'slot', index, name: '' })
    const argv = ['/bin/sh', '-c', ${JSON.stringify(script)}]
    const steps = [0, 1, 2].map(n => step('dup3', [slot(n), n, 0]))
    steps.push(step('execve', [argv[0], array(argv), array([])]))
    await launchShim({ id: 'orphan', runDir: ${JSON.stringify(runDir)}, program: { steps, slotCount: 8 }, cloneFlags: 0,
      passedFds: [], terminal: false, stdin: 'open', attach: [],
      log: { folder: ${JSON.stringify(runDir)}, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null } })
    process.kill(process.pid, 'SIGKILL')
  `
  const killed = spawn(process.execPath, ['--input-type=module', '-e', daemon], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [, signal] = await new Promise<[number | null, string | null]>(resolve =>
    killed.once('exit', (...result) => resolve(result)),
  )
  expect(signal).toBe('SIGKILL')
}

describe('a shim whose daemon was killed', () => {
  it('is found by the next one, with its reports, streams and exit', async () => {
    const runDir = await newFolder()
    await orphanedShim('read line; echo "got $line"; exit 7', runDir)
    const shim = handleOf(await adoptShim(runDir))
    disposeLater(async () => shim.signal(SIGKILL))
    expect(shim.reports.main).toHaveLength(3)
    expect(JSON.parse(await readFile(join(runDir, 'started.json'), 'utf8'))).toMatchObject({
      pid: shim.started.pid,
      startTicks: shim.started.startTicks,
      shimPid: shim.started.shimPid,
    })
    const client = await shim.attach(attachOptions({ stdin: true }))
    client.write('it\n')
    expect(await readUntil(client, '\n')).toBe('got it\n')
    expect(await shim.exited).toMatchObject({ exitCode: 7, pid: shim.started.pid })
    expect(await readFile(join(runDir, 'c.log'), 'utf8')).toContain('"got it\\n"')
  })

  it('keeps the exit code when nobody is there', async () => {
    const runDir = await newFolder()
    await orphanedShim('echo alone; exit 6', runDir)
    while (!(await readFile(join(runDir, 'exit.json')).catch(() => null)))
      await new Promise(resolve => setTimeout(resolve, 5))
    const adoption = await adoptShim(runDir)
    // A moment earlier the shim itself would have said the same.
    const exit = adoption.kind === 'running' ? await adoption.handle.exited : (adoption as { exit: unknown }).exit
    expect(exit).toMatchObject({ exitCode: 6, signal: 0 })
    expect(await readFile(join(runDir, 'c.log'), 'utf8')).toContain('"alone\\n"')
  })
})

describe('adopting', () => {
  it('a running shim twice serves both', async () => {
    const { runDir, shim } = await launch(shellProgram('trap "exit 4" USR1; echo ready; while :; do sleep 0.01; done'))
    const other = handleOf(await adoptShim(runDir))
    expect(other.started).toEqual(shim.started)
    expect(other.reports).toEqual(shim.reports)
    await new Promise(resolve => setTimeout(resolve, 50))
    other.signal(10)
    expect((await other.exited).exitCode).toBe(4)
    expect(await shim.exited).toEqual(await other.exited)
  })

  it('a folder in which nothing was started finds nothing', async () => {
    expect(await adoptShim(await newFolder())).toEqual({ kind: 'absent' })
    expect(await adoptShim('/does/not/exist')).toEqual({ kind: 'absent' })
  })

  it('after the end finds the record', async () => {
    const { runDir, shim } = await launch(shellProgram('exit 3'))
    const exit = await shim.exited
    while (!(await gone(shim.started.shimPid))) {}
    expect(await adoptShim(runDir)).toEqual({ kind: 'exited', started: shim.started, exit })
  })

  it('a damaged record is said to be damaged', async () => {
    const runDir = await newFolder()
    await writeFile(join(runDir, 'exit.json'), '{"pid":')
    await expect(adoptShim(runDir)).rejects.toThrow('exit.json is damaged')
  })
})

describe('a shim that is killed', () => {
  it('is told from one that ended, and its process can be found', async () => {
    const { runDir, shim } = await launch(commandProgram(['/bin/sleep', '1000']))
    process.kill(shim.started.shimPid, 'SIGKILL')
    await expect(shim.exited).rejects.toBeInstanceOf(ShimLost)
    expect(await adoptShim(runDir)).toEqual({ kind: 'lost', started: shim.started })
    await expect(shim.attach(attachOptions())).rejects.toThrow('the process has ended')
    const stat = await readFile(`/proc/${shim.started.pid}/stat`, 'latin1')
    expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]).toBe(shim.started.startTicks)
    process.kill(shim.started.pid, 'SIGKILL')
  })

  it('by anything but SIGKILL is not', async () => {
    const { shim } = await launch(shellProgram('sleep 0.1; exit 2'))
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE', 'SIGUSR1', 'SIGALRM'] as const) {
      process.kill(shim.started.shimPid, signal)
    }
    expect((await shim.exited).exitCode).toBe(2)
  })
})

describe('a shim that nobody can find any more', () => {
  it('does not outlive its process', async () => {
    const runDir = await newFolder()
    const shim = await launchShim(launchOf(runDir, commandProgram(['/bin/sleep', '1000'])))
    shim.release()
    await rm(runDir, { recursive: true })
    process.kill(shim.started.pid, 'SIGKILL')
    const isZombie = async () => /^State:\tZ/m.test(await readFile(`/proc/${shim.started.shimPid}/status`, 'latin1'))
    while (!(await isZombie())) await new Promise(resolve => setTimeout(resolve, 5))
  })
})

describe('a handle that is released', () => {
  it('leaves the process alone, and does not settle', async () => {
    const runDir = await newFolder()
    const shim = await launchShim(launchOf(runDir, shellProgram('read line; exit 3'), { stdin: 'open' }))
    shim.release()
    const next = handleOf(await adoptShim(runDir))
    const settled = Promise.race([shim.exited.then(() => 'settled'), next.exited.then(() => 'the next one')])
    next.closeStdin()
    expect(await settled).toBe('the next one')
    expect((await next.exited).exitCode).toBe(3)
  })
})

async function gone(pid: number): Promise<boolean> {
  await new Promise(resolve => setTimeout(resolve, 5))
  return (await readFile(`/proc/${pid}/stat`).catch(() => null)) === null
}
