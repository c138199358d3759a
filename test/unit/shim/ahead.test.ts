import { randomBytes } from 'node:crypto'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { dismissShims, keepShimsAhead } from '../../../src/runtime/shim/ahead.ts'
import { run } from '../../support/containers.ts'
import { startDaemon } from '../../support/daemon.ts'
import { disposeLater } from '../../support/disposal.ts'
import { importBusybox } from '../../support/images.ts'
import { commandProgram, shellProgram } from './programs.ts'
import { launch, outputOf } from './support.ts'

const WAITING = /^skiff-shim\0-{64}\0$/
const newId = (): string => randomBytes(32).toString('hex')
const pause = () => new Promise(resolve => setTimeout(resolve, 5))

const commandOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')

/** The shims of a process that wait for their launch. */
async function waitingOf(parent: number): Promise<number[]> {
  const found: number[] = []
  for (const thread of await readdir(`/proc/${parent}/task`)) {
    const children = await readFile(`/proc/${parent}/task/${thread}/children`, 'utf8').catch(() => '')
    for (const pid of children.split(' ').filter(Boolean).map(Number)) {
      if (WAITING.test(await commandOf(pid))) found.push(pid)
    }
  }
  return found
}

async function waitUntilTwoWait(parent: number): Promise<number[]> {
  for (;;) {
    const pids = await waitingOf(parent)
    if (pids.length === 2) return pids
    await pause()
  }
}

const gone = async (pid: number): Promise<void> => {
  while ((await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)) !== null) await pause()
}

describe('shims made ahead', () => {
  beforeEach(() => {
    keepShimsAhead()
    disposeLater(dismissShims)
  })

  it('are there after a start, and the next start is theirs', async () => {
    await outputOf(shellProgram('true'), { id: newId() })
    const waiting = await waitUntilTwoWait(process.pid)
    const id = newId()
    const { shim } = await launch(commandProgram(['/bin/sleep', '1000']), { id })
    expect(waiting).toContain(shim.started.shimPid)
    expect(await commandOf(shim.started.shimPid)).toBe(`skiff-shim\0${id}\0`)
  })

  it('do what others do', async () => {
    await outputOf(shellProgram('true'), { id: newId() })
    await waitUntilTwoWait(process.pid)
    const result = await outputOf(shellProgram('echo out; ls /proc/self/fd | wc -l; exit 7'), { id: newId() })
    // 0 to 2, and the folder that ls reads.
    expect(result).toEqual({ output: 'out\n4\n', exitCode: 7 })
  })

  it('hold nothing but their connection', async () => {
    await outputOf(shellProgram('true'), { id: newId() })
    for (const pid of await waitUntilTwoWait(process.pid)) {
      const fds = await readdir(`/proc/${pid}/fd`)
      const targets = await Promise.all(fds.map(fd => readlink(`/proc/${pid}/fd/${fd}`)))
      expect(targets.filter(target => target !== '/dev/null')).toEqual([expect.stringMatching(/^socket:/)])
    }
  })

  it('may be killed: others are taken in their place', async () => {
    await outputOf(shellProgram('true'), { id: newId() })
    const waiting = await waitUntilTwoWait(process.pid)
    for (const pid of waiting) process.kill(pid, 'SIGKILL')
    while ((await waitingOf(process.pid)).length > 0) await pause()
    expect(await outputOf(shellProgram('echo still'), { id: newId() })).toEqual({ output: 'still\n', exitCode: 0 })
    await Promise.all(waiting.map(gone))
  })

  it('are dismissed', async () => {
    await outputOf(shellProgram('true'), { id: newId() })
    const waiting = await waitUntilTwoWait(process.pid)
    await dismissShims()
    for (const pid of waiting) await expect(readFile(`/proc/${pid}/stat`)).rejects.toThrow('ENOENT')
  })
})

describe("a daemon's shims made ahead", () => {
  it('end with it, also when it is killed', async () => {
    const daemon = await startDaemon()
    await importBusybox(daemon)
    await run(daemon, { Image: 'busybox', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } })
    const waiting = await waitUntilTwoWait(daemon.pid!)
    await daemon.kill9()
    await Promise.all(waiting.map(gone))
    await daemon.restart()
    await run(daemon, { Image: 'busybox', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } })
    const others = await waitUntilTwoWait(daemon.pid!)
    await daemon.terminate()
    for (const pid of others) await expect(readFile(`/proc/${pid}/stat`)).rejects.toThrow('ENOENT')
    await daemon.restart()
  })
})
