/** Starting a native program, in a tenth of the time that fork(2) of a Node process would take: native/library/spawn.c. */

import { check } from './errors.ts'
import { spawnNativeAsync } from './native.ts'

export interface Spawn {
  /** A descriptor of the program's file. */
  executable: number
  /** The first is what ps(1) shows as the name. */
  argv: readonly string[]
  /** Become the program's descriptors 3, 4, …; 0 to 2 are /dev/null, all others are closed. They stay the caller's. */
  fds: readonly number[]
}

/**
 * Resolves with the pid of a child that runs the program, with all signals blocked and an empty environment. The caller reaps it
 * (reapChild): libuv does not know it. By another thread: it takes the kernel some tenths of a millisecond.
 * @throws KernelError of execveat(2)
 */
export async function spawn({ executable, argv, fds }: Spawn): Promise<number> {
  const pid = await spawnNativeAsync(executable, words(fds), fds.length, strings(argv), argv.length)
  return check('execveat', pid, { argv: argv.join(' ') })
}

const words = (fds: readonly number[]): Buffer => Buffer.from(new Int32Array([...fds, 0]).buffer)
const strings = (argv: readonly string[]): Buffer => Buffer.from(`${argv.join('\0')}\0`)
