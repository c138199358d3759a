/** What a program must know of this machine, looked up before it is written down. */

import { constants, readFileSync, type Stats, statSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { hasCode } from '../kernel/errors.ts'
import { Recent } from '../kernel/recent.ts'
import { availableCapabilities } from './capabilities.ts'
import type { HostFacts, PathKind } from './compile/context.ts'
import type { DeviceNode } from './spec.ts'

/** include/uapi/linux/magic.h */
const PROC_SUPER_MAGIC = 0x9fa0

export interface FactsRequest {
  /** Of the host: what will be asked for. */
  paths: readonly string[]
  /** What need not be looked at. */
  known: ReadonlyMap<string, PathKind>
  /** Paths of the host that are to be mounted on /proc. */
  forProc: readonly string[]
  /** The working folder as a path of the host; null: it is in no mount from elsewhere, and root may enter. */
  cwd: string | null
  hostDevices: readonly DeviceNode[]
}

export async function gatherFacts({ paths, known, forProc, cwd, hostDevices }: FactsRequest): Promise<HostFacts> {
  const [rootMayEnterCwd, procs, entries] = await Promise.all([
    cwd === null ? true : mayEnter(cwd),
    Promise.all(forProc.map(async path => ((await statfs(path)).type === PROC_SUPER_MAGIC ? [path] : []))),
    Promise.all([...new Set(paths)].map(async path => [path, await kindOf(path)] as const)),
  ])
  const kinds = new Map([...known, ...entries])
  return {
    ...ofThisProcess(),
    fingerprint: JSON.stringify([rootMayEnterCwd, procs, [...kinds], hostDevices]),
    rootMayEnterCwd,
    kindOf: path => {
      const kind = kinds.get(path)
      if (!kind) throw new Error(`nobody looked at ${path}`)
      return kind
    },
    isProc: path => procs.flat().includes(path),
    hostDevices: () => hostDevices,
  }
}

let processFacts: Pick<HostFacts, 'lastCapability' | 'canMakeNodes'> | undefined

/** What does not change while the daemon runs. */
function ofThisProcess() {
  processFacts ??= {
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    canMakeNodes: availableCapabilities().includes('CAP_MKNOD'),
  }
  return processFacts
}

/** What else may be wrong with the folder, the program will find out. */
async function mayEnter(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.X_OK)
    return true
  } catch (error) {
    return !hasCode(error, 'EACCES', 'EPERM')
  }
}

const ONLY_IF_THERE = { throwIfNoEntry: false } as const
const KERNELS_OWN = /^\/(proc|sys)\//

const recent = new Recent<Stats | undefined>()

/** The kernel's own names are in memory: to ask at once takes less time than to ask a thread. Others may be on a slow disk. */
async function kindOf(path: string): Promise<PathKind> {
  try {
    // Most that are missing are the kernel's: an error for each would cost more than the look.
    const found = KERNELS_OWN.test(path) ? recent.of(path, () => statSync(path, ONLY_IF_THERE)) : await stat(path)
    if (found === undefined) return 'missing'
    return found.isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return 'missing'
    throw error
  }
}
