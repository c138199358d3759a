/** The version of this program, as package.json and the build have it. */

import { readFile } from 'node:fs/promises'

export interface ClientVersion {
  readonly version: string
  /** The commit that was built, short; 'unknown' outside a repository. */
  readonly commit: string
  /** ISO 8601; '' when not known. */
  readonly built: string
}

/** Written by the build beside the compiled files. */
interface Stamp {
  commit?: string
  built?: string
}

export async function clientVersion(): Promise<ClientVersion> {
  const root = new URL('../../', import.meta.url)
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
  const stamp = await readStamp(new URL('dist/build-stamp.json', root))
  return { version, commit: stamp.commit ?? 'unknown', built: stamp.built ?? '' }
}

async function readStamp(file: URL): Promise<Stamp> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Stamp
  } catch (error) {
    // Compiled without the build's last step.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}
