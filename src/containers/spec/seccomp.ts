/** The seccomp filter of a container, compiled once per profile and set of capabilities. See seccomp(2). */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { compileSeccomp } from '../../runtime/seccomp/compile.ts'
import { DEFAULT_PROFILE } from '../../runtime/seccomp/default-profile.ts'
import { parseSeccompProfile } from '../../runtime/seccomp/parse.ts'
import type { SeccompFilter } from '../../runtime/spec.ts'
import type { ContainerDefaults } from '../context.ts'

export type CompiledSeccomp = SeccompFilter | null

/** Compiling takes milliseconds, and nearly every container has the same filter. */
const compiled = new Map<string, SeccompFilter>()
const MOST_KEPT = 64

/** `choice`: 'default', 'unconfined', or a profile's JSON. @throws InvalidParameter for a profile that cannot be read */
export async function chooseSeccomp(
  choice: string,
  capabilities: readonly string[],
  { seccompProfile }: Pick<ContainerDefaults, 'seccompProfile'>,
): Promise<CompiledSeccomp> {
  if (choice === 'unconfined') return null
  const profile = choice === 'default' ? await daemonProfile(seccompProfile) : choice
  if (profile === 'unconfined') return null
  const key = `${createHash('sha256').update(profile).digest('hex')} ${[...capabilities].sort().join()}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const filter =
    profile === 'default'
      ? compileSeccomp(DEFAULT_PROFILE, 'default', capabilities)
      : compileSeccomp(parseSeccompProfile(profile), 'custom', capabilities)
  if (compiled.size >= MOST_KEPT) compiled.clear()
  compiled.set(key, filter)
  return filter
}

/** daemon.json's seccomp-profile: '' and 'builtin', 'unconfined', or a file. */
async function daemonProfile(setting: string): Promise<string> {
  if (setting === '' || setting === 'builtin' || setting === 'default') return 'default'
  return setting === 'unconfined' ? setting : await readFile(setting, 'utf8')
}
