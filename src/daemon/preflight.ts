/** What must be there before anything is tried, each with a message that says what to do about it. */

import { release } from 'node:os'
import { hasCode, Unavailable } from '../kernel/errors.ts'

const OLDEST_KERNEL = [5, 14] as const

/** @throws Unavailable */
export function checkHost(): void {
  if (process.platform !== 'linux') throw new Unavailable('skiffd runs on Linux only')
  if (process.geteuid?.() !== 0) throw new Unavailable('skiffd needs to be started with root privileges')
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const [needMajor, needMinor] = OLDEST_KERNEL
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    throw new Unavailable(
      `skiff needs Linux ${needMajor}.${needMinor} or later (clone3, openat2, mount_setattr, …); this is ${release()}`,
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
