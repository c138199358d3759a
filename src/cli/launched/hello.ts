/**
 * The launcher's first frame: texts, each ended by a NUL. First facts about the process that was started, then what it was given.
 * A command may run here only if it would see the same files with the same rights there: then who asked cannot tell the difference.
 */

import { type BigIntStats, readlinkSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { WindowSize } from '../session.ts'

const BUILD_STAMP = fileURLToPath(new URL('../../../dist/build-stamp.json', import.meta.url))
const NAMESPACES = ['mnt', 'user', 'net', 'pid']

export interface Hello {
  readonly surroundings: Surroundings
  readonly isTerminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  readonly window: WindowSize
  readonly cwd: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Where a process lives, as texts that are equal for two processes that live at the same place. */
export interface Surroundings {
  /** The build that the program is of, and the root of its file system: device:inode:mtime in nanoseconds. */
  readonly build: string
  readonly root: string
  /** As readlink(2) of /proc/self/ns has them. */
  readonly namespaces: readonly string[]
  readonly umask: number
}

/** @throws Error when it is not put together as a launcher of this build does */
export function parseHello(payload: Buffer): Hello {
  // UTF-8 is what Node makes of arguments, too.
  const texts = payload.toString().split('\0')
  let at = 0
  const text = (): string => {
    const next = texts[at++]
    if (next === undefined) throw new Error('the launcher said too little')
    return next
  }
  const number = (): number => {
    const value = Number(text())
    if (!Number.isSafeInteger(value) || value < 0) throw new Error('the launcher sent something else than a number')
    return value
  }
  const [build, root] = [text(), text()]
  const namespaces = NAMESPACES.map(text)
  const umask = number()
  const terminals = number()
  const window = { rows: number(), columns: number() }
  const cwd = text()
  const argv = Array.from({ length: number() }, text)
  return {
    surroundings: { build, root, namespaces, umask },
    isTerminal: { stdin: (terminals & 1) !== 0, stdout: (terminals & 2) !== 0, stderr: (terminals & 4) !== 0 },
    window,
    cwd,
    argv,
    env: environment(texts.slice(at, -1)),
  }
}

/** The first of two entries of one name counts, as in getenv(3). */
function environment(entries: readonly string[]): Record<string, string> {
  const env: Record<string, string> = Object.create(null)
  for (const entry of entries) {
    const end = entry.indexOf('=')
    if (end > 0 && !(entry.slice(0, end) in env)) env[entry.slice(0, end)] = entry.slice(end + 1)
  }
  return env
}

/** This process's own. @throws Error of the file system when /proc is missing, or the program was not built in full */
export function ownSurroundings(umask: number): Surroundings {
  return {
    build: identity(statSync(BUILD_STAMP, { bigint: true })),
    root: identity(statSync('/', { bigint: true })),
    namespaces: NAMESPACES.map(name => readlinkSync(`/proc/self/ns/${name}`)),
    umask,
  }
}

const identity = ({ dev, ino, mtimeNs }: BigIntStats): string => `${dev}:${ino}:${mtimeNs}`

/** The root's mtime is left out: who creates /x has not moved elsewhere. */
export function sameSurroundings(a: Surroundings, b: Surroundings): boolean {
  const root = (identity: string) => identity.split(':').slice(0, 2).join(':')
  return (
    a.build === b.build &&
    root(a.root) === root(b.root) &&
    a.umask === b.umask &&
    a.namespaces.every((namespace, index) => namespace === b.namespaces[index])
  )
}
