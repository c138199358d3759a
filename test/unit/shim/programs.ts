/** Small programs for shims under test: what stands on their standard streams, then a command of the host. */

import { SLOT } from '../../../src/program/abi.ts'
import type { Blob, Operand, Program, Slot, Step } from '../../../src/program/step.ts'
import type { ShimLaunch } from '../../../src/runtime/shim/types.ts'

export const slot = (index: number, name = `s${index}`): Slot => ({ kind: 'slot', index, name })

export const step = (call: Step['call'], args: readonly Operand[], more: Partial<Step> = {}): Step => ({
  call,
  args,
  why: 'a test',
  man: `${call}(2)`,
  ...more,
})

/** A NULL-terminated array of strings, as execve(2) takes it. */
export function stringArray(strings: readonly string[]): Blob {
  return {
    kind: 'blob',
    bytes: new Uint8Array((strings.length + 1) * 8),
    fields: strings.map((value, index) => ({ offset: index * 8, value })),
    shown: JSON.stringify(strings),
  }
}

export const exec = (argv: readonly string[]): Step =>
  step('execve', [argv[0]!, stringArray(argv), stringArray(['PATH=/usr/bin:/bin'])])

export const programOf = (...steps: Step[]): Program => ({ steps, slotCount: 64 })

const STREAMS = [SLOT.STDIN, SLOT.STDOUT, SLOT.STDERR]

/** The standard streams, then the command. */
export const commandProgram = (argv: readonly string[]): Program =>
  programOf(...STREAMS.map((from, to) => step('dup3', [slot(from), to, 0])), exec(argv))

export const shellProgram = (script: string): Program => commandProgram(['/bin/sh', '-c', script])

export const launchOf = (runDir: string, program: Program, more: Partial<ShimLaunch> = {}): ShimLaunch => ({
  id: 'test',
  runDir,
  program,
  cloneFlags: 0,
  passedFds: [],
  terminal: false,
  stdin: 'null',
  log: null,
  attach: [],
  ...more,
})

const O_RDWR = 2
const O_NOCTTY = 0o400
const O_CLOEXEC = 0o2000000
const TIOCSPTLCK = 0x40045431
const TIOCGPTPEER = 0x5441
const TIOCSCTTY = 0x540e
const AT_FDCWD = -100
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/** struct msghdr with one byte of data and one descriptor, see cmsg(3) and unix(7). */
function fdMessage(fd: Slot): Blob {
  const control = Buffer.alloc(24)
  control.writeBigUInt64LE(20n, 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  const part = Buffer.alloc(16)
  part.writeBigUInt64LE(1n, 8)
  const header = Buffer.alloc(56)
  header.writeBigUInt64LE(1n, 24)
  header.writeBigUInt64LE(24n, 40)
  const blob = (bytes: Uint8Array, fields: Blob['fields'] = []): Blob => ({
    kind: 'blob',
    bytes,
    fields,
    shown: 'message',
  })
  return blob(header, [
    { offset: 16, value: blob(part, [{ offset: 0, value: 'x' }]) },
    { offset: 32, value: blob(control, [{ offset: 16, value: fd }]) },
  ])
}

/** A terminal of the host's devpts, its master sent to the shim; then a shell script on it. */
export function terminalProgram(script: string): Program {
  const master = slot(40, 'master')
  const peer = slot(41, 'peer')
  const zero: Blob = { kind: 'blob', bytes: Buffer.alloc(4), shown: '0' }
  return programOf(
    step('openat', [AT_FDCWD, '/dev/ptmx', O_RDWR | O_NOCTTY | O_CLOEXEC, 0], { result: master }),
    step('ioctl', [master, TIOCSPTLCK, zero]),
    step('ioctl', [master, TIOCGPTPEER, O_RDWR | O_NOCTTY], { result: peer }),
    step('setsid', []),
    step('ioctl', [peer, TIOCSCTTY, 0]),
    step('sendmsg', [slot(SLOT.CONSOLE), fdMessage(master), 0]),
    ...[0, 1, 2].map(to => step('dup3', [peer, to, 0])),
    exec(['/bin/sh', '-c', script]),
  )
}
