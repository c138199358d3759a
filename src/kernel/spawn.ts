/** Starting a native program, in a tenth of the time that fork(2) of a Node process would take: native/library/spawn.c. */

import { check } from './errors.ts'
import { spawnNative } from './native.ts'

export interface Spawn {
  /** A descriptor of the program's file. */
  executable: number
  /** The first is what ps(1) shows as the name. */
  argv: readonly string[]
  /** Become the program's descriptors 3, 4, …; 0 to 2 are /dev/null, all others are closed. They stay the caller's. */
  fds: readonly number[]
}

/**
 * Returns the pid of a child that runs the program, with all signals blocked and an empty environment. The caller reaps it
 * (reapChild): libuv does not know it. @throws KernelError of execveat(2).
 */
export function spawn({ executable, argv, fds }: Spawn): number {
  const fdWords = Buffer.from(new Int32Array([...fds, 0]).buffer)
  const strings = Buffer.from(`${argv.join('\0')}\0`)
  return check('execveat', spawnNative(executable, fdWords, fds.length, strings, argv.length), { argv: argv.join(' ') })
}
