/** Which process listens on a port of this host: proc_net_tcp(5), and the sockets among the descriptors of /proc/PID/fd. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Holder {
  readonly pid: number
  readonly name: string
}

/** Of a TCP socket that waits for connections; a UDP socket that is bound is in the state of a closed one. */
const LISTENING: Readonly<Record<string, string>> = { tcp: '0A', udp: '07' }

/** undefined: nobody, or somebody whose descriptors we may not see. */
export function portHolder(protocol: string, port: number): Holder | undefined {
  const inodes = new Set([...inodesOf(protocol, '', port), ...inodesOf(protocol, '6', port)])
  if (inodes.size === 0) return undefined
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    if (socketsOf(pid).some(inode => inodes.has(inode))) return { pid: Number(pid), name: nameOf(pid) }
  }
  return undefined
}

function inodesOf(protocol: string, family: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return read(`/proc/net/${protocol}${family}`)
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === LISTENING[protocol])
    .map(fields => fields[9] ?? '')
}

/** A process may end, and may be another user's, while we look. */
function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? []
      return inode === undefined ? [] : [inode]
    })
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const nameOf = (pid: string): string => read(`/proc/${pid}/comm`).trim() || 'a process'
