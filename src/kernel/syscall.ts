/** syscall(2): any system call from TypeScript, with its arguments marshalled. The wrappers beside this file build on it. */

import { addressIn, addressOf } from './direct-calls.ts'
import { runSyscall, useMailbox } from './native.ts'
import { type SyscallName, syscallNumber } from './syscall-numbers.ts'

/** A number is passed as it is, a string as NUL-terminated bytes, a Buffer by its address, null as a null pointer. */
export type SyscallArgument = number | bigint | string | Buffer | null

const WORDS = 8
const RESULT = 7
const WORD = 0x1_0000_0000

// Memory of its own, that nothing moves or shares. Written as 32-bit halves: BigInts would cost more than most calls.
const mailbox = Buffer.allocUnsafeSlow(WORDS * 8).fill(0)
const halves = new Int32Array(mailbox.buffer)
useMailbox(mailbox)

/** Names that a call points to. */
const scratch = Buffer.allocUnsafeSlow(16_384)
const scratchAddress = addressIn(scratch)
let used = 0

/** Here they stay alive until the kernel has answered. */
let alive: SyscallArgument[] = []
const NOTHING: SyscallArgument[] = []

const pointed: Buffer[] = []

/**
 * Where a buffer lies, for a structure that the next call is given: until that has answered, it stays alive. An address by itself
 * keeps nothing alive: a buffer that no later line names may be collected, and its memory be another's, before the kernel looks.
 */
export function pointerTo(bytes: Buffer): bigint {
  pointed.push(bytes)
  return addressOf(bytes)
}

/** Returns what the kernel returned: the result, or -errno. Runs on the calling thread and blocks it. */
export function syscall(name: SyscallName, ...args: SyscallArgument[]): number {
  alive = args
  used = 0
  setWord(0, syscallNumber(name))
  for (let index = 1; index < RESULT; index++) setArgument(index, args[index - 1] ?? null)
  runSyscall()
  alive = NOTHING
  pointed.length = 0
  return (halves[2 * RESULT]! >>> 0) + halves[2 * RESULT + 1]! * WORD
}

function setArgument(index: number, arg: SyscallArgument): void {
  if (arg === null) setWord(index, 0)
  else if (typeof arg === 'number') setWord(index, arg)
  else if (typeof arg === 'string') setWord(index, addressOfName(arg))
  else if (typeof arg === 'bigint') mailbox.writeBigInt64LE(BigInt.asIntN(64, arg), 8 * index)
  else setWord(index, arg.length === 0 ? scratchAddress : addressIn(arg))
}

function setWord(index: number, value: number): void {
  // NaN would come out as 0, which is a descriptor.
  if (!Number.isInteger(value)) throw new RangeError(`${value} is no argument of a system call`)
  halves[2 * index] = value
  halves[2 * index + 1] = Math.floor(value / WORD)
}

function addressOfName(name: string): number {
  const at = used
  // One character takes three bytes at most.
  if (at + 3 * name.length + 1 > scratch.length) {
    const bytes = Buffer.from(`${name}\0`)
    alive.push(bytes)
    return addressIn(bytes)
  }
  used = at + scratch.write(name, at)
  scratch[used++] = 0
  return scratchAddress + at
}
