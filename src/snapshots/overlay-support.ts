/**
 * Whether a folder can hold overlay's upper folders. One on another overlay (a daemon in a container without a volume), on NFS, or
 * on a file system that knows no d_type cannot. Nobody can tell but the kernel: it is tried.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDetachedOverlay } from '../kernel/detached-mount.ts'
import { KernelError, Unavailable } from '../kernel/errors.ts'
import { close } from '../kernel/files.ts'

/** null: it can. */
export function whyNoOverlay(scratch: string): Unavailable | null {
  const folder = mkdtempSync(join(scratch, 'overlay-'))
  try {
    for (const name of ['lower', 'upper', 'work']) mkdirSync(join(folder, name))
    close(openDetachedOverlay({ folder, lower: ['lower'], upper: join(folder, 'upper'), work: join(folder, 'work') }))
    return null
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    return new Unavailable(`overlay cannot be used on ${scratch}: ${error.code}`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
