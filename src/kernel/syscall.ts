/** syscall(2): any system call from TypeScript, with its arguments marshalled. The wrappers beside this file build on it. */

import { addressOf, rawSyscall } from './native.ts'
import { type SyscallName, syscallNumber } from './syscall-numbers.ts'

/** A number is passed as it is, a string as NUL-terminated bytes, a Buffer by its address, null as a null pointer. */
export type SyscallArgument = number | bigint | string | Buffer | null

const EMPTY = Buffer.alloc(1)

/** Returns what the kernel returned: the result, or -errno. Runs on the calling thread and blocks it. */
export function syscall(name: SyscallName, ...args: SyscallArgument[]): number {
  // Holding the buffers in a variable of this frame keeps them alive until the kernel has answered.
  const alive: Buffer[] = []
  const result = rawSyscall([BigInt(syscallNumber(name)), ...args.map(arg => toWord(arg, alive))])
  alive.length = 0
  return result
}

function toWord(arg: SyscallArgument, alive: Buffer[]): bigint {
  if (arg === null) return 0n
  if (typeof arg === 'number' || typeof arg === 'bigint') return BigInt.asIntN(64, BigInt(arg))
  const bytes = typeof arg === 'string' ? Buffer.from(`${arg}\0`) : arg.length === 0 ? EMPTY : arg
  alive.push(bytes)
  return addressOf(bytes)
}
