/** What must be there before anything is tried, each with a message that says what to do about it. */

import { release } from 'node:os'
import { hasCode, Unavailable } from '../kernel/errors.ts'
import { isTooOld, OLDEST_KERNEL } from '../system/doctor/kernel.ts'

/** @throws Unavailable */
export function checkHost(): void {
  if (process.platform !== 'linux') throw new Unavailable('skiffd runs on Linux only')
  if (process.geteuid?.() !== 0) throw new Unavailable('skiffd needs to be started with root privileges')
  if (isTooOld()) {
    throw new Unavailable(
      `skiff needs Linux ${OLDEST_KERNEL} or later (clone3, openat2, mount_setattr, …); this is ${release()}`,
    )
  }
}

/** Turns a loader's complaint into advice. The libraries are opened when the modules that use them are imported. */
export async function loadingLibraries<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (message.includes('libskiff.so')) {
      throw new Unavailable('the native part of skiff is not built: run `npm run build` (it needs a C compiler)', {
        cause: error,
      })
    }
    if (message.includes('libseccomp')) {
      throw new Unavailable(
        'libseccomp.so.2 is missing: install the package libseccomp2 (Debian) or libseccomp (CentOS)',
        {
          cause: error,
        },
      )
    }
    if (hasCode(error, 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED')) {
      throw new Unavailable(`skiff's packages are not installed or do not fit this Node: run \`npm ci\` (${message})`, {
        cause: error,
      })
    }
    throw error
  }
}
