/** A busybox root and a container specification to vary, for tests that start real processes (as root). */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { capabilitySets, chooseCapabilities } from '../../../src/runtime/capabilities.ts'
import { execInContainer, type StartedProcess, startContainer } from '../../../src/runtime/runtime.ts'
import { compileSeccomp } from '../../../src/runtime/seccomp/compile.ts'
import { DEFAULT_PROFILE } from '../../../src/runtime/seccomp/default-profile.ts'
import { prepareAttach } from '../../../src/runtime/shim/attach.ts'
import type { ExitRecord } from '../../../src/runtime/shim/types.ts'
import type { ContainerSpec, ExecSpec, ProcessSpec } from '../../../src/runtime/spec.ts'
import { fixture } from '../../support/images.ts'

const run = promisify(execFile)
export const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface Sandbox {
  /** Temporary, all below is removed with it. */
  folder: string
  /** The image's only layer: change it before a start. */
  layer: string
  /** What containers wrote. */
  upper: string
  spec(change?: (spec: ContainerSpec) => Partial<ContainerSpec>): ContainerSpec
  process(change?: Partial<ProcessSpec>): ProcessSpec
  remove(): Promise<void>
}

const DEFAULT = compileSeccomp(DEFAULT_PROFILE, 'default', chooseCapabilities({ add: [], drop: [], privileged: false }))

export const MASKED = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/scsi',
  '/sys/firmware',
]
export const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export async function makeSandbox(): Promise<Sandbox> {
  // Not in /tmp, which may be a file system that cannot hold an overlay's upper folder.
  const folder = await mkdtemp('/var/tmp/skiff-runtime-')
  const path = (name: string): string => join(folder, name)
  for (const name of ['layers/base', 'upper', 'work', 'rootfs', 'run']) await mkdir(path(name), { recursive: true })
  await run('tar', ['-xf', await fixture('busybox.tar'), '-C', path('layers/base')])

  const process = (change: Partial<ProcessSpec> = {}): ProcessSpec => ({
    argv: ['true'],
    env: [PATH],
    cwd: '/',
    uid: 0,
    gid: 0,
    groups: [0],
    terminal: false,
    capabilities: capabilitySets(chooseCapabilities({ add: [], drop: [], privileged: false })),
    noNewPrivileges: false,
    rlimits: [],
    ...change,
  })
  const plain: ContainerSpec = {
    id: 'skiff-test-box',
    root: { kind: 'overlay', layersDir: path('layers'), lower: ['base'], upper: path('upper'), work: path('work') },
    rootMountPoint: path('rootfs'),
    rootReadonly: false,
    rootPropagation: 'rprivate',
    process: process(),
    namespaces: {
      pid: { kind: 'new' },
      network: { kind: 'new' },
      ipc: { kind: 'new' },
      uts: { kind: 'new' },
      cgroup: { kind: 'new' },
    },
    hostname: 'box',
    domainname: '',
    mounts: [],
    shmBytes: 1 << 20,
    shmOf: null,
    devices: [],
    hostDevices: false,
    sysctls: {},
    maskedPaths: MASKED,
    readonlyPaths: READ_ONLY,
    privileged: false,
    seccomp: DEFAULT,
    cgroup: { intoPath: null, tasksFiles: [] },
    cgroupView: { readonly: true, folders: [] },
    initPath: null,
  }
  return {
    folder,
    layer: path('layers/base'),
    upper: path('upper'),
    spec: change => ({ ...plain, ...change?.(plain) }),
    process,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export interface Outcome {
  output: string
  exit: ExitRecord
  started: StartedProcess
}

let launches = 0

/** Starts a container, feeds it, and waits for its end. stdout and stderr come as one text. */
export async function runContainer(
  sandbox: Sandbox,
  spec: ContainerSpec,
  input: string | null = null,
): Promise<Outcome> {
  const io = await ioFor(sandbox, input)
  const started = await startContainer(spec, io.io)
  return finish(started, io.output)
}

/** The same for a further process. */
export async function runExec(sandbox: Sandbox, spec: ExecSpec, input: string | null = null): Promise<Outcome> {
  const io = await ioFor(sandbox, input)
  return finish(await execInContainer(spec, io.io), io.output)
}

async function ioFor(sandbox: Sandbox, input: string | null) {
  const runDir = join(sandbox.folder, `run/${launches++}`)
  await mkdir(runDir, { mode: 0o700 })
  const client = prepareAttach({
    stdin: input !== null,
    stdout: true,
    stderr: true,
    framed: false,
    detachKeys: Buffer.alloc(0),
  })
  const output = text(client.stream)
  // Of a start that fails there is no output, and nobody waits for it.
  output.catch(() => {})
  if (input !== null) client.stream.end(input)
  const stdin = input === null ? ('null' as const) : ('once' as const)
  return { io: { runDir, stdin, log: null, attach: [client] }, output }
}

async function finish(started: StartedProcess, output: Promise<string>): Promise<Outcome> {
  const exit = await started.handle.exited
  return { output: await output, exit, started }
}

/** A shell command in a container with the given changes; its output without the last line feed. */
export async function shell(
  sandbox: Sandbox,
  command: string,
  change: Partial<ContainerSpec> = {},
  process: Partial<ProcessSpec> = {},
): Promise<string> {
  const spec = sandbox.spec(() => ({
    ...change,
    process: sandbox.process({ argv: ['sh', '-c', `exec 2>&1; ${command}`], ...process }),
  }))
  return (await runContainer(sandbox, spec)).output.replaceAll('\r\n', '\n').trimEnd()
}

export const write = (path: string, content: string): Promise<void> => writeFile(path, content)
