/** The namespaces of a process, by the inode numbers that tell them apart: namespaces(7). */

import { readlink } from 'node:fs/promises'
import { hasCode } from '../../kernel/errors.ts'
import type { ContainerSpec, NamespaceSource } from '../spec.ts'

const KINDS = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'user', 'time'] as const
type Kind = (typeof KINDS)[number]

export interface NamespaceFacts {
  kind: Kind
  /** null: nothing runs. */
  inode: number | null
  /** In words: `new`, `the host's`, `of db`. */
  origin: string
}

/** What is specified and, for a process that runs, what is the case. */
export async function describeNamespaces(spec: ContainerSpec, pid: number | null): Promise<NamespaceFacts[]> {
  const { pid: pidSource, network, ipc, uts, cgroup } = spec.namespaces
  const sources: Record<Kind, NamespaceSource> = {
    mnt: { kind: 'new' },
    pid: pidSource,
    net: network,
    ipc,
    uts,
    cgroup,
    user: { kind: 'host' },
    time: { kind: 'host' },
  }
  return Promise.all(
    KINDS.map(async kind => ({
      kind,
      inode: pid === null ? null : await inodeOf(pid, kind),
      origin: origin(sources[kind]),
    })),
  )
}

const origin = (source: NamespaceSource): string => {
  if (source.kind === 'fd') return `of ${source.of}`
  return source.kind === 'new' ? 'new' : "the host's"
}

/** null: the process has just ended. `pid:[4026531836]` is what the link says. */
async function inodeOf(pid: number, kind: Kind): Promise<number | null> {
  try {
    const link = await readlink(`/proc/${pid}/ns/${kind}`)
    return Number(/\[(\d+)\]/.exec(link)?.[1])
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return null
    throw error
  }
}
