/**
 * Seccomp filters through libseccomp, seccomp(3): from rules by name to the classic BPF program that seccomp(2) takes. The
 * library is part of a base system and not linked but opened on first use. Nothing here loads a filter.
 */

import { closeSync, fstatSync, readSync } from 'node:fs'
import ffi from 'ffi-napi'
import { check, KernelError, Unavailable } from './errors.ts'
import { syscall } from './syscall.ts'

const SONAME = 'libseccomp.so.2'

const open = () =>
  ffi.Library(SONAME, {
    seccomp_init: ['pointer', ['uint32']],
    seccomp_release: ['void', ['pointer']],
    seccomp_arch_add: ['int', ['pointer', 'uint32']],
    seccomp_arch_exist: ['int', ['pointer', 'uint32']],
    seccomp_attr_set: ['int', ['pointer', 'int', 'uint32']],
    seccomp_rule_add_array: ['int', ['pointer', 'uint32', 'int', 'uint', 'pointer']],
    seccomp_syscall_resolve_name: ['int', ['string']],
    seccomp_syscall_resolve_name_arch: ['int', ['uint32', 'string']],
    seccomp_export_bpf: ['int', ['pointer', 'int']],
  })

type Library = ReturnType<typeof open>
let opened: Library | undefined

/** @throws Unavailable if the library is not installed */
function library(): Library {
  try {
    opened ??= open()
    return opened
  } catch (cause) {
    throw new Unavailable(`${SONAME} is missing: install libseccomp2 (Debian, Ubuntu) or libseccomp (CentOS, Fedora)`, {
      cause,
    })
  }
}

/** include/uapi/linux/audit.h: what a filter sees as the architecture. x32 calls itself x86_64. */
export const AUDIT_ARCH = {
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_AARCH64: 0xc00000b7,
} as const
export type SeccompArchitecture = keyof typeof AUDIT_ARCH

/** seccomp_rule_add(3), enum scmp_compare. */
export const COMPARE = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const
export type SeccompOperator = keyof typeof COMPARE

export interface ArgumentRule {
  /** 0 to 5. */
  index: number
  op: SeccompOperator
  /** With SCMP_CMP_MASKED_EQ the mask. */
  value: bigint
  /** With SCMP_CMP_MASKED_EQ what the masked argument must equal. */
  valueTwo: bigint
}

/** One system call; all conditions must hold. */
export interface FilterRule {
  name: string
  /** A SECCOMP_RET_* value with its data: seccomp(2). */
  action: number
  args: readonly ArgumentRule[]
}

export interface FilterRequest {
  defaultAction: number
  /** Besides the machine's own. */
  architectures: readonly SeccompArchitecture[]
  rules: readonly FilterRule[]
}

/** enum scmp_filter_attr: 2 sorts the system calls into a binary tree, instead of one comparison after the other. */
const SCMP_FLTATR_CTL_OPTIMIZE = 8
const BINARY_TREE = 2
const ARGUMENT_BYTES = 24
/** __NR_SCMP_ERROR */
const UNKNOWN = -1

/** struct sock_filter[]. System calls that this libseccomp does not know are left out, as every runtime does. */
export function compileFilter({ defaultAction, architectures, rules }: FilterRequest): Buffer {
  const scmp = library()
  const context = scmp.seccomp_init(defaultAction)
  try {
    for (const architecture of architectures) addArchitecture(scmp, context, architecture)
    // Not known before libseccomp 2.5: then the filter is correct, but slower.
    scmp.seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE)
    for (const rule of rules) addRule(scmp, context, rule)
    return exported(scmp, context)
  } finally {
    scmp.seccomp_release(context)
  }
}

type Context = ReturnType<Library['seccomp_init']>

function addArchitecture(scmp: Library, context: Context, architecture: SeccompArchitecture): void {
  const token = AUDIT_ARCH[architecture]
  if (scmp.seccomp_arch_exist(context, token) === 0) return
  check('seccomp_arch_add', scmp.seccomp_arch_add(context, token), { architecture })
}

function addRule(scmp: Library, context: Context, { name, action, args }: FilterRule): void {
  const number = scmp.seccomp_syscall_resolve_name(name)
  if (number === UNKNOWN) return
  const conditions = Buffer.alloc(Math.max(1, args.length) * ARGUMENT_BYTES)
  for (const [index, arg] of args.entries()) {
    conditions.writeUInt32LE(arg.index, index * ARGUMENT_BYTES)
    conditions.writeUInt32LE(COMPARE[arg.op], index * ARGUMENT_BYTES + 4)
    conditions.writeBigUInt64LE(arg.value, index * ARGUMENT_BYTES + 8)
    conditions.writeBigUInt64LE(arg.valueTwo, index * ARGUMENT_BYTES + 16)
  }
  const pointer = conditions as Parameters<Library['seccomp_rule_add_array']>[4]
  check('seccomp_rule_add', scmp.seccomp_rule_add_array(context, action, number, args.length, pointer), { name })
}

function exported(scmp: Library, context: Context): Buffer {
  const file = check('memfd_create', syscall('memfd_create', 'seccomp', 1))
  try {
    check('seccomp_export_bpf', scmp.seccomp_export_bpf(context, file))
    const filter = Buffer.alloc(fstatSync(file).size)
    if (readSync(file, filter, 0, filter.length, 0) !== filter.length)
      throw new KernelError('read', 5, { file: 'seccomp filter' })
    return filter
  } finally {
    closeSync(file)
  }
}

/** The highest number among these system calls on an architecture; -1 if it has none of them. x32 numbers have bit 30 set. */
export function highestNumber(architecture: SeccompArchitecture, names: Iterable<string>): number {
  const scmp = library()
  let highest = -1
  for (const name of names) {
    // Negative: unknown, or not a system call of its own there (socketcall's parts).
    highest = Math.max(highest, scmp.seccomp_syscall_resolve_name_arch(AUDIT_ARCH[architecture], name))
  }
  return highest
}
