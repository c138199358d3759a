/**
 * Calls that are newer than a profile: EPERM would tell a C library that it may not, where ENOSYS makes it fall back to
 * an older call. So a few instructions stand before the filter: a number above the highest one that the profile names, on the
 * same architecture, fails with ENOSYS. Classic BPF: Documentation/networking/filter.rst, include/uapi/linux/seccomp.h.
 */

interface Limit {
  /** AUDIT_ARCH_* */
  architecture: number
  /** The highest number that the profile names there; -1: none. */
  highest: number
}

const LOAD_WORD = 0x20 // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_GREATER = 0x25 // BPF_JMP | BPF_JGT | BPF_K
const JUMP_IF_GREATER_OR_EQUAL = 0x35 // BPF_JMP | BPF_JGE | BPF_K
const RETURN = 0x06 // BPF_RET | BPF_K
/** Offsets in struct seccomp_data. */
const NUMBER = 0
const ARCHITECTURE = 4
const ENOSYS_RETURN = 0x00050000 | 38

const X86_64 = 0xc000003e
const X32 = 0x4000003e
/** x32 is the architecture x86_64 with this bit in the number. */
const X32_BIT = 0x40000000

type Instruction = [code: number, jumpTrue: number, jumpFalse: number, k: number]

const assemble = (instructions: readonly Instruction[]): Buffer => {
  const bytes = Buffer.alloc(instructions.length * 8)
  for (const [index, [code, jumpTrue, jumpFalse, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(jumpTrue, index * 8 + 2)
    bytes.writeUInt8(jumpFalse, index * 8 + 3)
    bytes.writeUInt32LE(k, index * 8 + 4)
  }
  return bytes
}

export function prependUnknownCalls(filter: Buffer, limits: readonly Limit[]): Buffer {
  const x32 = limits.find(limit => limit.architecture === X32)
  const blocks = limits
    .filter(limit => limit.architecture !== X32 && limit.highest >= 0)
    .flatMap(limit => block(limit, limit.architecture === X86_64 ? (x32?.highest ?? -1) : null))
  return Buffer.concat([assemble(blocks), filter])
}

/** For one architecture; falls through to what follows if the number is known or the architecture another one. */
function block({ architecture, highest }: Limit, x32Highest: number | null): Instruction[] {
  const judge: Instruction[] =
    x32Highest === null
      ? [
          [JUMP_IF_GREATER, 0, 1, highest],
          [RETURN, 0, 0, ENOSYS_RETURN],
        ]
      : [
          // x32 has its own highest number; without any, the filter's rule for foreign architectures applies.
          [JUMP_IF_GREATER_OR_EQUAL, 0, 1, X32_BIT],
          [JUMP_IF_GREATER, 1, 2, x32Highest >= 0 ? x32Highest : 0xffffffff],
          [JUMP_IF_GREATER, 0, 1, highest],
          [RETURN, 0, 0, ENOSYS_RETURN],
        ]
  return [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 0, judge.length + 1, architecture],
    [LOAD_WORD, 0, 0, NUMBER],
    ...judge,
  ]
}
