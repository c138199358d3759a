/** What this process may do. capabilities(7), setrlimit(2) */

import { availableCapabilities } from '../../runtime/capabilities.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

interface Need {
  readonly name: string
  readonly without: string
  readonly needed: boolean
}

const NEEDS: readonly Need[] = [
  { name: 'CAP_SYS_ADMIN', without: 'nothing can be mounted: no container can start', needed: true },
  { name: 'CAP_SYS_CHROOT', without: 'namespaces cannot be entered: no container can start', needed: true },
  { name: 'CAP_SETUID', without: 'processes cannot change their user: no container can start', needed: true },
  { name: 'CAP_SETGID', without: 'processes cannot change their group: no container can start', needed: true },
  { name: 'CAP_NET_ADMIN', without: 'there are no networks: containers can use --network host and none', needed: true },
  { name: 'CAP_CHOWN', without: 'images cannot be unpacked', needed: true },
  { name: 'CAP_DAC_OVERRIDE', without: 'files of containers cannot be read', needed: true },
  { name: 'CAP_MKNOD', without: 'device nodes of the host are mounted in place of new ones', needed: false },
  {
    name: 'CAP_SYS_RESOURCE',
    without: 'hard limits (--ulimit) can be lowered only, and --oom-score-adj cannot go below our own',
    needed: false,
  },
  { name: 'CAP_SYS_PTRACE', without: 'exec into containers with other users may be refused', needed: false },
]

const REMEDY = 'run it as root, outside of a container or in one with --privileged'

export function examinePrivileges(): Finding[] {
  if (process.geteuid?.() !== 0) {
    return [
      problem('privileges', {
        found: `user ${process.geteuid?.()}`,
        consequence: 'skiffd does not start, and not everything can be examined',
        remedy: 'run it as root',
      }),
    ]
  }
  const available = new Set(availableCapabilities())
  const missing = NEEDS.filter(({ name }) => !available.has(name))
  if (missing.length === 0) return [ok('privileges', 'root with every capability that skiff uses')]
  return missing.map(({ name, without, needed }) => {
    const trouble = { found: `${name} is missing`, consequence: without, remedy: REMEDY }
    return needed ? problem('privileges', trouble) : warning('privileges', trouble)
  })
}
