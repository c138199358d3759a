/**
 * The vocabulary of a syscall program.
 *
 * A container start is a straight line of system calls which TypeScript writes down and a tiny interpreter (native/shim)
 * executes in the new process, where no JavaScript can run. A **program** is a list of **steps**; a step is one system call
 * whose **operands** are known beforehand or are **slots**: registers that hold the result of an earlier step, or a file
 * descriptor that the shim put there before the program began. There is no branch, no loop and no arithmetic.
 */

import type { SyscallName } from '../kernel/syscall-numbers.ts'

/** A register. `name` is what a listing calls it: `rootfs`, `proc`, `netns`. */
export interface Slot {
  readonly kind: 'slot'
  readonly index: number
  readonly name: string
}

/**
 * A piece of memory that an operand points to. `fields` are written into it when the program is laid out: pointers to
 * other blobs (argv, iovec, sock_fprog) or the 32-bit value that a slot will have just before the step runs (an fd inside
 * a control message).
 */
export interface Blob {
  readonly kind: 'blob'
  readonly bytes: Uint8Array
  readonly fields?: readonly BlobField[]
  /** How a listing shows it, e.g. `["sh", "-c", "…"]` or `seccomp filter, 142 instructions`. */
  readonly shown: string
}

export interface BlobField {
  readonly offset: number
  readonly value: Blob | string | Slot
}

/** An integer with the way a listing shows it: `MS_NOSUID|MS_NODEV`, `0755`. */
export interface Flags {
  readonly kind: 'flags'
  readonly value: number | bigint
  readonly shown: string
}

/** Strings become NUL-terminated bytes, null a null pointer. */
export type Operand = number | bigint | string | null | Flags | Slot | Blob

export const isSlot = (operand: Operand): operand is Slot => typeof operand === 'object' && operand?.kind === 'slot'
export const isBlob = (operand: Operand): operand is Blob => typeof operand === 'object' && operand?.kind === 'blob'

/** The four acts of a start, safe by their order; see DESIGN. `exec` is the last step of all. */
export type Act = 'gather' | 'move' | 'furnish' | 'lock' | 'exec'

export interface Step {
  readonly call: SyscallName
  readonly args: readonly Operand[]
  /** Names of the arguments as the man page has them, for listings: same length as args. */
  readonly names?: readonly string[]
  readonly result?: Slot
  /** Names of errors that are as good as success here, e.g. ['EEXIST']. At most MAX_TOLERATED. */
  readonly tolerate?: readonly string[]
  /** The reason, as one would tell a student: half a sentence. */
  readonly why: string
  /** The page that documents it: 'mount(2)'. */
  readonly man: string
  /** The same for sh(1), by a tool of util-linux or coreutils, where there is one: a command (src/program/shell.ts) … */
  readonly shell?: string
  /** … or an option of the tools that the script's last command is chained of. */
  readonly launcher?: { readonly tool: 'setsid' | 'setpriv' | 'env'; readonly option: string }
  readonly act?: Act
  /** How an error of this step begins, where that says more than the call: `error mounting "/a" to rootfs at "/b"`. */
  readonly subject?: string
}

/** Slots that the shim fills before the first step; the program's own slots begin at FIRST_FREE_SLOT (src/program/abi.ts). */
export interface Program {
  readonly steps: readonly Step[]
  readonly slotCount: number
}

/** What became of a step. */
export interface StepReport {
  /** Index in the program's steps. */
  readonly step: number
  /** What the kernel returned, or -errno. */
  readonly result: number
  /** How long it took, in nanoseconds. */
  readonly durationNs: number
}
