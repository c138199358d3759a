/** bpf(2): programs, and attaching them to cgroups. Layouts: union bpf_attr in include/uapi/linux/bpf.h. */

import { check, KernelError } from './errors.ts'
import { pointerTo, syscall } from './syscall.ts'

const BPF_PROG_LOAD = 5
const BPF_PROG_ATTACH = 8
const BPF_PROG_DETACH = 9
const BPF_PROG_GET_FD_BY_ID = 13
const BPF_PROG_QUERY = 16

export const BPF_PROG_TYPE_CGROUP_DEVICE = 15
/** The attach point, an enum bpf_attach_type. */
export const BPF_CGROUP_DEVICE = 6

/** Other programs above and below in the tree are run as well: all have to say yes. */
const BPF_F_ALLOW_MULTI = 1 << 1
const BPF_F_REPLACE = 1 << 2

const MAX_ATTACHED = 64 // BPF_CGROUP_MAX_PROGS
const LOG_SIZE = 64 * 1024
const NAME_SIZE = 16

export interface ProgramLoad {
  type: number
  /** Encoded struct bpf_insn. */
  instructions: Buffer
  /** Up to 15 letters, digits, `_` and `.`: what `bpftool prog` shows. */
  name: string
}

/** Loads and verifies a program. Returns its descriptor, which is close-on-exec. Shell: `bpftool prog load` */
export function loadProgram({ type, instructions, name }: ProgramLoad): number {
  const license = Buffer.from('\0')
  const load = (log: Buffer | null): number => {
    const attr = Buffer.alloc(72)
    attr.writeUInt32LE(type, 0)
    attr.writeUInt32LE(instructions.length / 8, 4)
    attr.writeBigUInt64LE(pointerTo(instructions), 8)
    attr.writeBigUInt64LE(pointerTo(license), 16)
    if (log) {
      attr.writeUInt32LE(1, 24)
      attr.writeUInt32LE(log.length, 28)
      attr.writeBigUInt64LE(pointerTo(log), 32)
    }
    attr.write(name.slice(0, NAME_SIZE - 1), 48, 'latin1')
    return syscall('bpf', BPF_PROG_LOAD, attr, attr.length)
  }
  const result = load(null)
  if (result >= 0) return result
  // A second time, to hear why: with a log the verifier is much slower.
  const log = Buffer.alloc(LOG_SIZE)
  const second = load(log)
  if (second >= 0) return second
  const said = log.toString('latin1', 0, Math.max(0, log.indexOf(0))).trim()
  throw new KernelError('bpf', -second, { command: 'BPF_PROG_LOAD', name, verifier: said.split('\n').at(-2) })
}

/** Attaches a program to a v2 group, in place of `replace` if that is given. Shell: `bpftool cgroup attach` */
export function attachToCgroup(cgroupFd: number, programFd: number, attachType: number, replace?: number): void {
  const attr = Buffer.alloc(20)
  attr.writeUInt32LE(cgroupFd, 0)
  attr.writeUInt32LE(programFd, 4)
  attr.writeUInt32LE(attachType, 8)
  attr.writeUInt32LE(BPF_F_ALLOW_MULTI | (replace === undefined ? 0 : BPF_F_REPLACE), 12)
  attr.writeUInt32LE(replace ?? 0, 16)
  check('bpf', syscall('bpf', BPF_PROG_ATTACH, attr, attr.length), { command: 'BPF_PROG_ATTACH' })
}

/** Shell: `bpftool cgroup detach` */
export function detachFromCgroup(cgroupFd: number, programFd: number, attachType: number): void {
  const attr = Buffer.alloc(20)
  attr.writeUInt32LE(cgroupFd, 0)
  attr.writeUInt32LE(programFd, 4)
  attr.writeUInt32LE(attachType, 8)
  check('bpf', syscall('bpf', BPF_PROG_DETACH, attr, attr.length), { command: 'BPF_PROG_DETACH' })
}

/** The ids of the programs attached to this very group. Shell: `bpftool cgroup show` */
export function programsOfCgroup(cgroupFd: number, attachType: number): number[] {
  const ids = Buffer.alloc(MAX_ATTACHED * 4)
  const attr = Buffer.alloc(40)
  attr.writeUInt32LE(cgroupFd, 0)
  attr.writeUInt32LE(attachType, 4)
  attr.writeBigUInt64LE(pointerTo(ids), 16)
  attr.writeUInt32LE(MAX_ATTACHED, 24)
  check('bpf', syscall('bpf', BPF_PROG_QUERY, attr, attr.length), { command: 'BPF_PROG_QUERY' })
  return Array.from({ length: attr.readUInt32LE(24) }, (_, index) => ids.readUInt32LE(index * 4))
}

/** A descriptor for a loaded program. */
export function programById(id: number): number {
  const attr = Buffer.alloc(12)
  attr.writeUInt32LE(id, 0)
  return check('bpf', syscall('bpf', BPF_PROG_GET_FD_BY_ID, attr, attr.length), {
    command: 'BPF_PROG_GET_FD_BY_ID',
    id,
  })
}
