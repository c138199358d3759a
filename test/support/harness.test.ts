/** The test ground itself, on the reference engine: what it reports must be true before it judges skiff. */

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cli, cliOk, open, openCommand } from './cli.ts'
import { demultiplex } from './client.ts'
import { differences, normalise } from './compare.ts'
import { create, exec, inspect, remove, run, start, wait } from './containers.ts'
import type { Engine } from './engine.ts'
import { importBusybox } from './images.ts'
import { cgroupMounts, compareMachines, lookAtMachine, processesOf, RUN } from './machine.ts'
import { startReferenceEngine } from './reference-engine.ts'

const NO_NETWORK = { NetworkMode: 'none' }

describe('an engine', () => {
  let docker: Engine
  beforeAll(async () => {
    docker = await startReferenceEngine()
    await importBusybox(docker)
  })

  test('runs a container and keeps its streams apart', async () => {
    const finished = await run(docker, {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'],
      HostConfig: NO_NETWORK,
    })
    expect(finished).toMatchObject({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' })
  })

  test('executes in a running container, and waits for its end', async () => {
    const id = await start(docker, {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'read x; exit 5'],
      OpenStdin: true,
      HostConfig: NO_NETWORK,
    })
    expect(await exec(docker, id, ['sh', '-c', 'echo hi; exit 2'])).toEqual({ exitCode: 2, stdout: 'hi\n', stderr: '' })
    const { socket } = await docker.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdin: 1 } })
    socket.end('\n')
    expect(await wait(docker, id)).toBe(5)
    expect((await inspect(docker, id)).State.Status).toBe('exited')
    await remove(docker, id)
  })

  test('upgrades a connection when asked to, and not otherwise', async () => {
    const id = await create(docker, { Image: 'busybox', Cmd: ['echo', 'hi'], HostConfig: NO_NETWORK })
    const attach = (upgrade: boolean) =>
      docker.api.hijack(`/containers/${id}/attach`, { upgrade, query: { stream: 1, stdout: 1 } })
    const [with101, with200] = await Promise.all([attach(true), attach(false)])
    expect([with101.status, with200.status]).toEqual([101, 200])
    await docker.api.post(`/containers/${id}/start`)
    expect(await with101.output()).toEqual({ stdout: 'hi\n', stderr: '' })
    expect(await with200.output()).toEqual({ stdout: 'hi\n', stderr: '' })
    await remove(docker, id)
  })

  test('says no with a status and a message', async () => {
    await expect(docker.api.get('/containers/none/json')).rejects.toMatchObject({
      status: 404,
      message: 'No such container: none',
    })
  })

  test('has a command line, with pipes', async () => {
    const args = ['run', '--rm', '-i', '--network', 'none', 'busybox', 'sh', '-c', 'cat; echo err >&2; exit 4']
    expect(await cli(docker, args, { stdin: 'hello' })).toEqual({ code: 4, stdout: 'hello', stderr: 'err\n' })
    expect(await cliOk(docker, ['ps', '-aq'])).toBe('')
  })

  test('has a command line, on a terminal that can be resized', async () => {
    const session = open(docker, ['run', '--rm', '-it', '--network', 'none', 'busybox'], {
      tty: { rows: 30, columns: 100 },
    })
    await session.until('# ')
    // docker watches the terminal's size from the moment on when it has set the first one.
    session.write(`until [ "$(stty size)" = "30 100" ]; do sleep 0.05; done; echo si''zed\n`)
    await session.until('sized')
    session.write('until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done; exit 6\n')
    session.resize(40, 120)
    expect((await session.result).code).toBe(6)
  })

  test('is found by its folder, and so are its containers', async () => {
    const id = await start(docker, { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: NO_NETWORK })
    const { Pid } = (await inspect(docker, id)).State
    expect(await processesOf(docker.folder)).toContain(Pid)
    await remove(docker, id)
  })
})

describe('the machine', () => {
  test('is compared by processes, cgroups and files', async () => {
    const before = await lookAtMachine()
    const folder = await mkdtemp(`/tmp/skiff-test-${RUN}-`)
    const cgroup = join((await cgroupMounts())[0] as string, `skiff-test-${RUN}-harness`)
    await mkdir(cgroup)
    // A process that its parent has left behind.
    const { stdout } = await openCommand(['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & echo $!']).result
    const pid = Number(stdout)
    try {
      expect(compareMachines(before, await lookAtMachine())).toEqual(
        expect.arrayContaining([
          expect.stringMatching(`left behind: process ${pid} .*sleep 1000`),
          `left behind: ${cgroup}`,
          `left behind: ${folder}`,
        ]),
      )
    } finally {
      process.kill(pid, 'SIGKILL')
      await rmdir(cgroup)
      await rm(folder, { recursive: true })
    }
    const after = compareMachines(before, await lookAtMachine())
    // Not what other test files do at this moment.
    const own = [folder, cgroup, `process ${pid} `]
    expect(after.filter(line => own.some(name => line.includes(name)))).toEqual([])
  })

  test('is found to lack a mount and a link that have gone', () => {
    const empty = { processes: [], mounts: [], cgroups: [], links: [], nftTables: [], files: [] }
    expect(
      compareMachines(
        { ...empty, mounts: ['mount a', 'mount a'], links: ['link b'] },
        { ...empty, mounts: ['mount a'] },
      ),
    ).toEqual(['missing now: mount a', 'missing now: link b'])
  })

  test('does not take a child of the tests for something left behind', async () => {
    const before = await lookAtMachine()
    const child = spawn('sleep', ['1000'])
    const changes = compareMachines(before, await lookAtMachine())
    child.kill('SIGKILL')
    expect(changes.filter(line => line.includes(`process ${child.pid} `))).toEqual([])
  })
})

describe('a comparison', () => {
  const engine = { folder: '/tmp/x' } as Engine

  test('names every path that differs, unless that is allowed', () => {
    const pair = { skiff: { a: [1, 2], b: { c: 'x' }, d: null }, docker: { a: [1], b: { c: 'y' }, d: {} } }
    expect(differences(pair)).toEqual([
      'a[1]: skiff 2, docker nothing',
      'b.c: skiff "x", docker "y"',
      'd: skiff null, docker {}',
    ])
    expect(
      differences(pair, [
        ['b', 'allowed for this test'],
        [/^a\[/, 'so is this'],
      ]),
    ).toEqual(['d: skiff null, docker {}'])
  })

  test('takes out ids, times and folders', () => {
    const id = 'abcdef0123456789'.repeat(4)
    expect(
      normalise(
        { [id]: `${id.slice(0, 12)} 2024-01-02T03:04:05.6Z /tmp/x/data`, n: 5, mac: '02:42:ac:11:00:02' },
        engine,
      ),
    ).toEqual({
      ID: 'SHORT-ID TIME FOLDER/data',
      n: 5,
      mac: 'MAC',
    })
  })
})

test('a multiplexed stream that is cut off is refused', () => {
  const frame = Buffer.from([1, 0, 0, 0, 0, 0, 0, 2, 104, 105])
  expect(demultiplex(frame)).toEqual([{ stream: 'stdout', data: Buffer.from('hi') }])
  expect(() => demultiplex(frame.subarray(0, 9))).toThrow('cut off')
  expect(() => demultiplex(Buffer.concat([frame, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])]))).toThrow(
    'no frame begins at 10',
  )
})
