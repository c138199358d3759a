/**
 * Several system calls in one native call, on the calling thread: for work that consists of a great many short ones. See
 * native/library/syscalls.c. Everything is written as 32-bit halves: BigInts would cost more than the calls.
 */

import { addressIn as addressOf } from './direct-calls.ts'
import type { Timestamp } from './files.ts'
import { runSyscallList, useSyscallList } from './native.ts'
import { type SyscallName, syscallNumber } from './syscall-numbers.ts'

const MAX_CALLS = 8
const WORDS = 8
const RESULT = 7
/** Names and structures that calls point to. */
const SCRATCH_SIZE = 16384

const list = Buffer.allocUnsafeSlow((MAX_CALLS + 1) * WORDS * 8).fill(0)
const halves = new Int32Array(list.buffer)
useSyscallList(list)

const scratch = Buffer.allocUnsafeSlow(SCRATCH_SIZE)
const scratchAddress = addressOf(scratch)

/** A place in memory. User space ends below 2^47, which a number holds exactly. */
export type Address = number & { readonly address: unique symbol }

/** Stands for the result of the list's first call. */
export const FIRST_RESULT = Symbol('first result')

let calls = 0
let used = 0

/** They stay alive until the next list begins. */
const pointed: Buffer[] = []

/** Starts a new list. */
export function beginList(): void {
  pointed.length = 0
  calls = 0
  used = 0
}

/** Copies a NUL-terminated name to where calls can point to it. */
export function inScratch(bytes: Buffer): Address {
  const at = used
  if (at + bytes.length > SCRATCH_SIZE) throw new RangeError('too many names for one list of system calls')
  bytes.copy(scratch, at)
  used = (at + bytes.length + 7) & ~7
  return (scratchAddress + at) as Address
}

/** Copies the times for utimensat(2). */
export function timesInScratch(accessed: Timestamp, modified: Timestamp): Address {
  const at = used
  for (const [index, value] of [accessed.s, accessed.ns, modified.s, modified.ns].entries()) {
    scratch.writeInt32LE(value | 0, at + 8 * index)
    scratch.writeInt32LE(Math.floor(value / 0x100000000), at + 8 * index + 4)
  }
  used = at + 32
  return (scratchAddress + at) as Address
}

/** Room for what a call answers; to be read before the next list begins. */
export function room(size: number): { address: Address; bytes: Buffer } {
  const at = used
  if (at + size > SCRATCH_SIZE) throw new RangeError('too many answers for one list of system calls')
  used = (at + size + 7) & ~7
  return { address: (scratchAddress + at) as Address, bytes: scratch.subarray(at, at + size) }
}

/** Where the bytes are, for a call of this list. */
export function addressIn(bytes: Buffer): Address {
  if (bytes.length === 0) return scratchAddress as Address
  pointed.push(bytes)
  return addressOf(bytes) as Address
}

/** Appends a call; its arguments are integers of 32 bits, or addresses. */
export function addCall(name: SyscallName, ...args: (number | typeof FIRST_RESULT)[]): void {
  calls++
  const at = calls * WORDS * 2
  setWord(at, syscallNumber(name))
  for (let i = 0; i < 6; i++) {
    const arg = args[i] ?? 0
    if (arg === FIRST_RESULT) {
      halves[at + 2 + 2 * i] = 0
      halves[at + 3 + 2 * i] = -0x80000000
    } else setWord(at + 2 + 2 * i, arg)
  }
}

function setWord(at: number, value: number): void {
  halves[at] = value
  halves[at + 1] = Math.floor(value / 0x100000000)
}

/** Runs the list; returns how many calls succeeded, which are all, or those before the one that failed. */
export function runList(): { succeeded: number; isComplete: boolean } {
  halves[0] = calls
  const succeeded = runSyscallList()
  return { succeeded, isComplete: succeeded === calls }
}

/** What the call at an index returned, from 0: the result (of 32 bits), or -errno. */
export const resultAt = (index: number): number => halves[((index + 1) * WORDS + RESULT) * 2]!
