/** What tells this daemon's traces on the machine from another's: names of its cgroup and firewall table, its folders. */

import { createHash } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import type { Settings } from './settings.ts'

const DEFAULT_DATA_ROOT = '/var/lib/skiff'

/** '' for the machine's usual daemon; '-3f9a1c04' for one with a data-root of its own. */
export function instanceSuffix({ dataRoot }: Pick<Settings, 'dataRoot'>): string {
  if (dataRoot === DEFAULT_DATA_ROOT) return ''
  return `-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`
}

/** CVE-2021-41091: users of the host who are not root must not walk into containers' files, where set-user-ID programs are. */
const PRIVATE = 0o710

export async function makeFolders({ dataRoot, execRoot }: Settings): Promise<void> {
  await mkdir(dataRoot, { recursive: true, mode: PRIVATE })
  await chmod(dataRoot, PRIVATE)
  // Others find the socket there.
  await mkdir(execRoot, { recursive: true, mode: 0o711 })
}
