/**
 * `--ulimit` and the daemon's default-ulimits. Raising a hard limit takes CAP_SYS_RESOURCE, which a nested daemon often lacks:
 * a default that cannot be had is clamped with a warning, a limit that the user asked for is an error. See getrlimit(2).
 */

import { readFileSync } from 'node:fs'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import { availableCapabilities } from '../../runtime/capabilities.ts'
import type { Rlimit } from '../../runtime/spec.ts'
import type { Ulimit } from '../types.ts'

/** Docker's names, and what /proc/self/limits calls them. */
const LIMITS: Record<string, string> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
}

/** @throws InvalidParameter. -1 is unlimited. */
export function validateUlimit({ name, soft, hard }: Ulimit): void {
  if (!(name in LIMITS)) throw new InvalidParameter(`invalid ulimit type: ${name}`)
  if (soft > hard && hard !== -1) {
    throw new InvalidParameter(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`)
  }
}

const amount = (value: number): number => (value === -1 ? Number.POSITIVE_INFINITY : value)

/** The daemon's own hard limits, by Docker's name of the limit; those are what a process without privilege may have at most. */
export function ownHardLimits(): Map<string, number> {
  const lines = readFileSync('/proc/self/limits', 'utf8').split('\n')
  const found = Object.entries(LIMITS).map(([name, label]) => {
    const line = lines.find(candidate => candidate.startsWith(label)) ?? ''
    const hard = /^\s*\S+\s+(\S+)/.exec(line.slice(label.length))?.[1] ?? 'unlimited'
    return [name, hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)] as const
  })
  return new Map(found)
}

interface Highest {
  most: number
  why: string
}

/** What can be given of each limit: files have a ceiling even for who may raise limits. See proc_sys_fs(5), "nr_open". */
function highestLimits(): (name: string) => Highest {
  const mayRaise = availableCapabilities().includes('CAP_SYS_RESOURCE')
  const own = mayRaise ? new Map<string, number>() : ownHardLimits()
  const openFiles = Number(readFileSync('/proc/sys/fs/nr_open', 'utf8'))
  return name => {
    const most = own.get(name) ?? Number.POSITIVE_INFINITY
    return name === 'nofile' && openFiles < most
      ? { most: openFiles, why: 'fs.nr_open of this kernel' }
      : { most, why: 'CAP_SYS_RESOURCE is missing' }
  }
}

export interface ChosenLimits {
  rlimits: Rlimit[]
  warnings: string[]
}

/** @throws Unavailable if a limit that was asked for is above what this daemon may give */
export function chooseLimits(asked: readonly Ulimit[], defaults: readonly Ulimit[]): ChosenLimits {
  const names = new Set(asked.map(({ name }) => name))
  const wanted = [
    ...defaults.filter(({ name }) => !names.has(name)).map(limit => ({ ...limit, required: false })),
    ...asked.map(limit => ({ ...limit, required: true })),
  ]
  if (wanted.length === 0) return { rlimits: [], warnings: [] }
  const limits = highestLimits()
  const warnings: string[] = []
  const rlimits = wanted.map(({ name, soft, hard, required }): Rlimit => {
    const { most, why } = limits(name)
    const limit = { type: `RLIMIT_${name.toUpperCase()}`, soft, hard, required }
    if (amount(hard) <= most) return limit
    if (required) {
      throw new Unavailable(
        `cannot set ulimit ${name}=${soft}:${hard}: this skiff may not raise a hard limit above ${most} (${why})`,
      )
    }
    warnings.push(`default ulimit ${name} is clamped to ${most}: ${why}`)
    return { ...limit, soft: Math.min(amount(soft), most), hard: most }
  })
  return { rlimits, warnings }
}
