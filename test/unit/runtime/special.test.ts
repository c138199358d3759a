/** Machines and images that are not the ordinary ones: many layers, shared mounts, no right to make device nodes. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileContainer } from '../../../src/runtime/compile/container.ts'
import { gatherFacts } from '../../../src/runtime/host-facts.ts'
import { startContainer } from '../../../src/runtime/runtime.ts'
import { prepareAttach } from '../../../src/runtime/shim/attach.ts'
import { launchShim } from '../../../src/runtime/shim/shim.ts'
import { MASKED, makeSandbox, READ_ONLY, runContainer, type Sandbox, shell } from './sandbox.ts'

const run = promisify(execFile)

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

describe('an image of 120 layers', () => {
  it('starts, and its lowest layer is there', async () => {
    const names = Array.from({ length: 119 }, (_, index) => `L${index}`.padEnd(26, 'x'))
    for (const [index, name] of names.entries()) {
      await mkdir(join(sandbox.folder, 'layers', name))
      await writeFile(join(sandbox.folder, 'layers', name, `file${index}`), '')
      await writeFile(join(sandbox.folder, 'layers', name, 'top'), `${index}\n`)
    }
    const root = { ...sandbox.spec().root, lower: [...names, 'base'] } as ReturnType<Sandbox['spec']>['root']
    expect(await shell(sandbox, 'ls / | grep -c ^file; cat /top', { root })).toBe('119\n0')
  })

  it('is refused when the names of its layers do not fit, instead of losing the lowest', async () => {
    const root = {
      ...sandbox.spec().root,
      lower: Array.from({ length: 90 }, (_, index) => `${index}`.padEnd(64, 'x')),
    } as never
    const spec = sandbox.spec(() => ({ root }))
    await expect(runContainer(sandbox, spec)).rejects.toThrow('the image has too many layers (90)')
  })
})

describe('propagation', () => {
  /** Mounts below a folder of ours, and takes them away again. */
  const inShared = async (propagation: 'rshared' | 'rslave' | 'rprivate') => {
    const folder = join(sandbox.folder, `shared-${propagation}`)
    await mkdir(folder)
    await run('mount', ['-t', 'tmpfs', 'tmpfs', folder])
    await run('mount', ['--make-shared', folder])
    await mkdir(join(folder, 'from-host'))
    const runDir = join(sandbox.folder, `run/${propagation}`)
    await mkdir(runDir)
    const script =
      'mkdir /v/from-container; mount -t tmpfs x /v/from-container; echo ready; read line; grep -c " /v/from-host " /proc/self/mountinfo'
    const spec = sandbox.spec(() => ({
      seccomp: null,
      rootPropagation: propagation,
      mounts: [{ kind: 'bind', source: folder, target: '/v', readonly: false, recursive: true, propagation }],
      process: sandbox.process({
        argv: ['sh', '-c', script],
        capabilities: {
          bounding: ['CAP_SYS_ADMIN'],
          permitted: ['CAP_SYS_ADMIN'],
          effective: ['CAP_SYS_ADMIN'],
          inheritable: [],
          ambient: [],
        },
      }),
    }))
    const client = prepareAttach({
      stdin: true,
      stdout: true,
      stderr: true,
      framed: false,
      detachKeys: Buffer.alloc(0),
    })
    const { handle } = await startContainer(spec, { runDir, stdin: 'once', log: null, attach: [client] })
    try {
      await new Promise(resolve => client.stream.once('data', resolve))
      const output = text(client.stream)
      await run('mount', ['-t', 'tmpfs', 'y', join(folder, 'from-host')])
      const onHost = (await readFile('/proc/self/mountinfo', 'utf8')).includes(`${folder}/from-container`)
      client.stream.end('go\n')
      const seen = (await output).trim()
      await handle.exited
      return { onHost, seen }
    } finally {
      await run('umount', ['-R', folder])
    }
  }

  it('private keeps mounts apart', async () => {
    expect(await inShared('rprivate')).toEqual({ onHost: false, seen: '0' })
  })
  it('slave lets the host’s in', async () => {
    expect(await inShared('rslave')).toEqual({ onHost: false, seen: '1' })
  })
  it('shared lets them in and out', async () => {
    expect(await inShared('rshared')).toEqual({ onHost: true, seen: '1' })
  })
})

describe('without CAP_MKNOD', () => {
  it('the host’s device nodes are bound, and masks are made of them', async () => {
    const argv = [
      'sh',
      '-c',
      'exec 2>&1; stat -c "%t:%T" /dev/null; echo x >/dev/null; wc -c </proc/timer_list; grep -c "/dev/null " /proc/self/mountinfo',
    ]
    const spec = sandbox.spec(() => ({ process: sandbox.process({ argv }) }))
    const facts = await gatherFacts({
      paths: [...MASKED, ...READ_ONLY],
      known: new Map(),
      forProc: [],
      cwd: null,
      hostDevices: [],
    })
    const compiled = compileContainer(spec, { stdin: 'null' }, { ...facts, canMakeNodes: false })
    const client = prepareAttach({
      stdin: false,
      stdout: true,
      stderr: true,
      framed: false,
      detachKeys: Buffer.alloc(0),
    })
    const runDir = join(sandbox.folder, 'run/nodes')
    await mkdir(runDir)
    const { program, cloneFlags, passedFds } = compiled
    const handle = await launchShim({
      id: 'skiff-test-nodes',
      runDir,
      program,
      cloneFlags,
      passedFds,
      terminal: false,
      stdin: 'null',
      log: null,
      attach: [client],
    })
    expect(await text(client.stream)).toBe('1:3\n0\n1\n')
    expect((await handle.exited).exitCode).toBe(0)
  })
})

describe('paths of the image', () => {
  it('can be masked and made read-only, files and folders, there or not', async () => {
    const change = {
      maskedPaths: ['/etc/shadow', '/home', '/nope', '/etc/shadow/no'],
      readonlyPaths: ['/tmp', '/none'],
    }
    const command = 'wc -c </etc/shadow; ls -A /home; touch /home/x; touch /tmp/x; touch /var/x && echo ok'
    expect(await shell(sandbox, command, change)).toBe(
      '0\ntouch: /home/x: Read-only file system\ntouch: /tmp/x: Read-only file system\nok',
    )
  })

  it.each(['/proc', '/sys', '/dev'])('at the place of %s must not be a symlink', async path => {
    const layer = join(sandbox.folder, `layers/link${path.replace('/', '-')}`)
    await mkdir(layer)
    await symlink('/tmp', join(layer, path))
    const root = { ...sandbox.spec().root, lower: [`link${path.replace('/', '-')}`, 'base'] } as never
    const upper = join(sandbox.folder, `upper${path.replace('/', '-')}`)
    const work = join(sandbox.folder, `work${path.replace('/', '-')}`)
    await Promise.all([mkdir(upper), mkdir(work)])
    const spec = sandbox.spec(() => ({ root: Object.assign(root, { upper, work }) }))
    await expect(runContainer(sandbox, spec)).rejects.toThrow(/openat2.*: ELOOP|ENOTDIR/)
  })
})
