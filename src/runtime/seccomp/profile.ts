/**
 * A seccomp profile: which system calls a container may make, with which arguments, and what becomes of the others. Its form is
 * that of Docker's profiles, https://docs.docker.com/engine/security/seccomp/; actions are those of seccomp(2).
 */

import type { ArgumentRule, SeccompArchitecture } from '../../kernel/seccomp.ts'

/** seccomp(2), "SECCOMP_RET_*". The low 16 bits of ERRNO and TRACE are data. */
export const ACTIONS = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const
export type SeccompAction = keyof typeof ACTIONS

/** When a rule holds; empty lists and null do not restrict it. */
export interface Condition {
  /** Capabilities that the container must have (all of them). */
  caps: readonly string[]
  /** Go's names of architectures, as Docker writes them: amd64, arm64. Any of them. */
  arches: readonly string[]
  /** [major, minor] of the oldest kernel. */
  minKernel: readonly [number, number] | null
}

export interface SeccompRule {
  names: readonly string[]
  action: SeccompAction
  /** For ERRNO and TRACE; null: EPERM. */
  errno: number | null
  args: readonly ArgumentRule[]
  includes: Condition
  excludes: Condition
}

export interface SeccompProfile {
  defaultAction: SeccompAction
  defaultErrno: number | null
  /** Further architectures whose system calls are judged, by the machine's own. */
  architectures: Partial<Record<SeccompArchitecture, readonly SeccompArchitecture[]>>
  rules: readonly SeccompRule[]
  /** SECCOMP_FILTER_FLAG_*: seccomp(2). */
  flags: readonly string[]
}

export const ALWAYS: Condition = { caps: [], arches: [], minKernel: null }
