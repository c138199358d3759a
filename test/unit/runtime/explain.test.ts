/** skiff explain, of a container that runs and of one that does not. */

import { mkdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ExplainSubject, explain } from '../../../src/runtime/explain/explain.ts'
import { planContainer, type StartedProcess, startContainer } from '../../../src/runtime/runtime.ts'
import type { ContainerSpec } from '../../../src/runtime/spec.ts'
import { makeSandbox, type Sandbox } from './sandbox.ts'

let sandbox: Sandbox
let container: StartedProcess
let spec: ContainerSpec
beforeAll(async () => {
  sandbox = await makeSandbox()
  const runDir = join(sandbox.folder, 'run/box')
  await mkdir(runDir)
  spec = sandbox.spec(() => ({
    process: sandbox.process({ argv: ['sleep', '1000'] }),
    cgroupView: {
      readonly: true,
      folders: [{ version: 2, controllers: ['memory'], label: '', path: '/sys/fs/cgroup/skiff/box' }],
    },
  }))
  container = await startContainer(spec, { runDir, stdin: 'null', log: null, attach: [] })
})
afterAll(async () => {
  container.handle.signal(9)
  await container.handle.exited
  await sandbox.remove()
})

const subject = async (rest: Partial<ExplainSubject> = {}): Promise<ExplainSubject> => ({
  name: 'box',
  spec,
  compiled: await planContainer(spec, 'null'),
  trace: container.trace,
  pid: container.handle.started.pid,
  network: { facts: null, text: ['  none'] },
  cgroup: [
    {
      controller: 'memory',
      version: 2,
      folder: '/sys/fs/cgroup/skiff/box',
      file: 'memory.max',
      value: '6291456\n',
      why: 'the limit',
    },
  ],
  ...rest,
})

it('shows steps with results, namespaces with inodes, cgroup values and layers', async () => {
  const text = await explain(await subject(), 'text')
  expect(text).toMatch(/^ +\d+ {2}mount\("overlay", .* = 0 <\d+\.\d µs>$/m)
  expect(text).toMatch(/execve\("\/usr\/local\/sbin\/sleep", .* = -1 ENOENT </)
  const link = await readlink(`/proc/${container.handle.started.pid}/ns/mnt`)
  expect(text).toMatch(new RegExp(`mnt +${/\d+/.exec(link)?.[0]} +new`))
  expect(text).toMatch(/memory\.max {2}6291456 {2}the limit/)
  expect(text).toContain(join(sandbox.folder, 'layers/base'))
})

it('of a container that was not started has the program alone', async () => {
  const text = await explain(await subject({ trace: null, pid: null }), 'text')
  expect(text).not.toMatch(/ = 0 </)
  expect(text).toMatch(/mnt +- +new/)
})

it('is JSON for tools, with the same steps', async () => {
  const json = JSON.parse(await explain(await subject(), 'json'))
  expect(json.program).toHaveLength(container.trace.program.steps.length)
  expect(json.program.at(0)).toMatchObject({ step: 1, call: 'prctl', result: 0, error: null, act: 'gather' })
  expect(json.program[0].duration_ns).toBeGreaterThan(0)
  expect(json.namespaces.map((entry: { kind: string }) => entry.kind)).toContain('uts')
})

it('is a script that makes the cgroup too', async () => {
  const script = await explain(await subject(), 'sh')
  expect(script).toContain('echo 6291456 >/sys/fs/cgroup/skiff/box/memory.max')
  expect(script).toMatch(/exec unshare --mount --uts --ipc --pid --fork --kill-child --net --cgroup -- sh "\$0" inside/)
})
