/** Who this engine is: its identifier, which lasts, and the build that runs. */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeAtomically } from '../kernel/atomic-file.ts'
import { readIfThere } from './host.ts'

/** Made on first use, kept in the data-root. */
export async function engineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'engine-id')
  const known = (await readIfThere(path)).trim()
  // A power cut may have left anything there.
  if (/^[0-9A-Za-z:-]{8,64}$/.test(known)) return known
  const id = randomUUID()
  await writeAtomically(path, `${id}\n`, { durable: true })
  return id
}

/** The same from src/ and from dist/; the stamp is in dist/ alone, put there by the build. */
const PACKAGE = fileURLToPath(new URL('../../package.json', import.meta.url))
const STAMP = fileURLToPath(new URL('../build-stamp.json', import.meta.url))

export interface Build {
  version: string
  /** Short; '' when it was built outside of a repository, or never. */
  gitCommit: string
  /** RFC 3339; '' when it was never built. */
  time: string
}

export async function thisBuild(): Promise<Build> {
  const { version } = JSON.parse(await readFile(PACKAGE, 'utf8')) as { version: string }
  const stamp = JSON.parse((await readIfThere(STAMP)) || '{}') as { commit?: string; built?: string }
  return { version, gitCommit: stamp.commit ?? '', time: stamp.built ?? '' }
}
