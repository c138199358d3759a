/**
 * Device access on cgroup v2: a BPF program that the kernel runs at each open and mknod of a device by a process of the group.
 * Pure: from a DeviceAccess to the bytes that bpf(2) loads. Kernel: cgroup-v2.rst, "Device controller"; bpf/standardization/
 * instruction-set.rst for the encoding; struct bpf_cgroup_dev_ctx in include/uapi/linux/bpf.h for what the program is given.
 *
 * The program, in words (r1 points to the context when it starts; what it leaves in r0 is the answer, 1 allow, 0 deny):
 *
 *     r2 = context.access_type        low half: kind of device, high half: what is wanted
 *     r3 = r2 & 0xffff                1 block, 2 character
 *     r2 >>= 16                       1 mknod, 2 read, 4 write, or several of them
 *     r4 = context.major
 *     r5 = context.minor
 *     for each exception:
 *         if r3 != its type   goto next
 *         if r4 != its major  goto next      left out for `*`
 *         if r5 != its minor  goto next      left out for `*`
 *         an exception that allows must allow everything that is wanted, one that denies need only touch it:
 *         r0 = r2 & ~its access;  if r0 != 0  goto next      (left out if it allows all)
 *         r0 = r2 & its access;   if r0 == 0  goto next      (left out if it denies all)
 *         r0 = 1 if it allows, 0 if it denies;  exit
 *     r0 = the default;  exit
 */

import type { DeviceAccess, DeviceException } from './device-rules.ts'

/** One instruction: struct bpf_insn. */
export interface Instruction {
  opcode: number
  dst: number
  src: number
  /** A jump's distance counted in instructions from the next one, or a load's distance in bytes. */
  offset: number
  immediate: number
}

// Opcodes: class | operation | where the second operand is (an immediate, unless said otherwise).
const LOAD_WORD = 0x61 // BPF_LDX | BPF_MEM | BPF_W: dst = *(u32 *)(src + offset)
const MOVE = 0xb7 // BPF_ALU64 | BPF_MOV
const MOVE_REGISTER = 0xbf // BPF_ALU64 | BPF_MOV | BPF_X
const AND = 0x57 // BPF_ALU64 | BPF_AND
const SHIFT_RIGHT = 0x77 // BPF_ALU64 | BPF_RSH
const JUMP_IF_EQUAL = 0x16 // BPF_JMP32 | BPF_JEQ
const JUMP_IF_NOT_EQUAL = 0x56 // BPF_JMP32 | BPF_JNE: 32 bits, for a 64-bit compare would sign-extend the immediate
const EXIT = 0x95 // BPF_JMP | BPF_EXIT

const ANSWER = 0
const CONTEXT = 1
const WANTED = 2
const TYPE = 3
const MAJOR = 4
const MINOR = 5

const TYPE_NUMBER = { b: 1, c: 2 } // BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR
const ACCESS_BIT: Record<string, number> = { m: 1, r: 2, w: 4 } // BPF_DEVCG_ACC_MKNOD, _READ, _WRITE
const ALL_ACCESS = 7

const instruction = (opcode: number, operands: Partial<Omit<Instruction, 'opcode'>>): Instruction => ({
  opcode,
  dst: 0,
  src: 0,
  offset: 0,
  immediate: 0,
  ...operands,
})

const PROLOGUE: readonly Instruction[] = [
  instruction(LOAD_WORD, { dst: WANTED, src: CONTEXT, offset: 0 }),
  instruction(MOVE_REGISTER, { dst: TYPE, src: WANTED }),
  instruction(AND, { dst: TYPE, immediate: 0xffff }),
  instruction(SHIFT_RIGHT, { dst: WANTED, immediate: 16 }),
  instruction(LOAD_WORD, { dst: MAJOR, src: CONTEXT, offset: 4 }),
  instruction(LOAD_WORD, { dst: MINOR, src: CONTEXT, offset: 8 }),
]

const answer = (allow: boolean): Instruction[] => [
  instruction(MOVE, { dst: ANSWER, immediate: allow ? 1 : 0 }),
  instruction(EXIT, {}),
]

export const deviceProgram = ({ allowByDefault, exceptions }: DeviceAccess): Instruction[] => [
  ...PROLOGUE,
  ...exceptions.flatMap(exception => exceptionBlock(exception, !allowByDefault)),
  ...answer(allowByDefault),
]

/** The tests of one exception; each that fails jumps behind the block, to the next exception or the default. */
function exceptionBlock(exception: DeviceException, allow: boolean): Instruction[] {
  const tests = [
    instruction(JUMP_IF_NOT_EQUAL, { dst: TYPE, immediate: TYPE_NUMBER[exception.type] }),
    ...numberTest(MAJOR, exception.major),
    ...numberTest(MINOR, exception.minor),
    ...accessTest(exception.access, allow),
  ]
  const block = [...tests, ...answer(allow)]
  return block.map((step, index) =>
    step.opcode === JUMP_IF_EQUAL || step.opcode === JUMP_IF_NOT_EQUAL
      ? { ...step, offset: block.length - index - 1 }
      : step,
  )
}

const numberTest = (register: number, number: number | null): Instruction[] =>
  number === null ? [] : [instruction(JUMP_IF_NOT_EQUAL, { dst: register, immediate: number | 0 })]

function accessTest(access: string, allow: boolean): Instruction[] {
  const bits = [...access].reduce((sum, letter) => sum | (ACCESS_BIT[letter] ?? 0), 0)
  if (bits === ALL_ACCESS) return []
  const mask = allow ? ALL_ACCESS & ~bits : bits
  return [
    instruction(MOVE_REGISTER, { dst: ANSWER, src: WANTED }),
    instruction(AND, { dst: ANSWER, immediate: mask }),
    instruction(allow ? JUMP_IF_NOT_EQUAL : JUMP_IF_EQUAL, { dst: ANSWER, immediate: 0 }),
  ]
}

const INSTRUCTION_SIZE = 8

/** struct bpf_insn, little-endian as all machines that skiff runs on: opcode, registers (src above dst), offset, immediate. */
export function encodeInstructions(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * INSTRUCTION_SIZE)
  instructions.forEach(({ opcode, dst, src, offset, immediate }, index) => {
    const at = index * INSTRUCTION_SIZE
    bytes.writeUInt8(opcode, at)
    bytes.writeUInt8((src << 4) | dst, at + 1)
    bytes.writeInt16LE(offset, at + 2)
    bytes.writeInt32LE(immediate, at + 4)
  })
  return bytes
}
