/** When V8 makes machine code of the daemon's functions: see `node --v8-options`. */

import { setFlagsFromString } from 'node:v8'

/** Bytes of bytecode that a function runs through before it is looked at for optimization. V8's own default is 67584. */
const BUDGET = 250_000

/**
 * The start of a container is a thousand functions called once, between calls of the kernel. To optimize those after some dozens of
 * starts takes a thread for 2 ms per start, on a core that the containers want, and saves less. What runs often or long is optimized
 * all the same. And what has not run for a while stays compiled: the first command after a pause is not the slow one.
 */
export function optimizeLate(): void {
  setFlagsFromString('--no-flush-bytecode')
  // From V8 12 on (Node 22) there is no such option, and between the interpreter and the optimizer a compiler that takes little.
  if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString(`--interrupt-budget=${BUDGET}`)
}
