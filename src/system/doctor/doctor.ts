/** `skiff doctor`: every finding, in the order of what depends on what. Nothing that is tried is left behind. */

import { examineCgroups } from './cgroups.ts'
import type { Finding, Subject } from './finding.ts'
import { examineKernel } from './kernel.ts'
import { examineNetwork } from './network.ts'
import { examinePrivileges } from './privileges.ts'
import { examineStorage } from './storage.ts'
import { examineSurroundings } from './surroundings.ts'

export type { Finding, Subject } from './finding.ts'

export async function examine(subject: Subject): Promise<Finding[]> {
  const first = [...examineKernel(), ...examinePrivileges(), ...examineCgroups()]
  // Who is not root can try nothing of this.
  if (process.geteuid?.() !== 0) return [...first, ...examineSurroundings(subject)]
  return [
    ...first,
    ...(await examineStorage(subject)),
    ...(await examineNetwork(subject)),
    ...examineSurroundings(subject),
  ]
}
