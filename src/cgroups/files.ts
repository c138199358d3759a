/**
 * The kernel's tiny files: one value, or lines of `key value`. They are read and written with the synchronous calls on purpose:
 * the kernel answers in 10 to 30 µs without waiting for any device, less than a hand-over to Node's thread pool costs.
 */

import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { hasCode, KernelError, Unavailable } from '../kernel/errors.ts'

/** A value that the kernel refused: `write 999 to cpuset.cpus: EINVAL`. */
export class CgroupWriteError extends KernelError {
  constructor(value: string, path: string, code: string) {
    const errno = constants.errno[code as keyof typeof constants.errno] ?? 0
    super('write', errno, { value, path })
    this.message = `write ${value} to ${basename(path)}: ${code}`
  }
}

/** The files of one group. */
export class GroupFiles {
  constructor(readonly folder: string) {}

  has(file: string): boolean {
    return existsSync(join(this.folder, file))
  }

  /** null: the kernel does not have this file, or the group is gone (ENODEV: while the file was open). */
  read(file: string): string | null {
    try {
      return readFileSync(join(this.folder, file), 'utf8').trimEnd()
    } catch (error) {
      // EOPNOTSUPP: memory.pressure and its like, where PSI is compiled in and switched off.
      if (hasCode(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP', 'ENOTSUP')) return null
      throw error
    }
  }

  /** null where `read` is null; Infinity for `max`. */
  number(file: string): number | null {
    const text = this.read(file)
    if (text === null || text === '') return null
    return text === 'max' ? Infinity : Number(text)
  }

  /** Lines of `key value`, such as memory.stat. */
  keyed(file: string): Record<string, number> | null {
    const text = this.read(file)
    return text === null ? null : parseKeyed(text)
  }
}

export function parseKeyed(text: string): Record<string, number> {
  const values: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0) values[line.slice(0, space)] = Number(line.slice(space + 1))
  }
  return values
}

/** Writes values to kernel files, one write(2) each: a file takes one value at a time. Consecutive ones share a descriptor. */
export function writeValues(values: { path: string; value: string }[]): void {
  let at = 0
  while (at < values.length) {
    const { path, value } = values[at]!
    const fd = openForWriting(path, value)
    try {
      for (; values[at]?.path === path; at++) writeOnce(fd, path, values[at]!.value)
    } finally {
      closeSync(fd)
    }
  }
}

export const writeValue = (path: string, value: string): void => writeValues([{ path, value }])

function openForWriting(path: string, value: string): number {
  try {
    return openSync(path, 'r+')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      const missing = existsSync(join(path, '..')) ? 'this kernel does not have the file' : 'the cgroup does not exist'
      throw new Unavailable(`write ${value} to ${basename(path)}: ${missing} (${path})`, { cause: error })
    }
    // EACCES is what write-only files (cgroup.kill, devices.allow) answer to a process without CAP_DAC_OVERRIDE.
    if (hasCode(error, 'EACCES')) return openSync(path, 'w')
    throw refusal(error, path, value)
  }
}

function writeOnce(fd: number, path: string, value: string): void {
  try {
    writeSync(fd, value)
  } catch (error) {
    throw refusal(error, path, value)
  }
}

const refusal = (error: unknown, path: string, value: string): unknown =>
  error instanceof Error && 'code' in error ? new CgroupWriteError(value, path, String(error.code)) : error

const LINKS_WITHOUT_CHILDREN = 2

/** The groups directly below one. A group that is gone has none. */
export function childGroups(folder: string): string[] {
  try {
    // A folder of the kernel's has as many links as it has folders, itself and its parent's name for it (fs/kernfs/inode.c).
    if (statSync(folder, { throwIfNoEntry: false })?.nlink === LINKS_WITHOUT_CHILDREN) return []
    return readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => join(folder, entry.name))
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV')) return []
    throw error
  }
}

/** A group and all below it, each before what is below it. */
export function* groupTree(folder: string): Generator<string> {
  yield folder
  for (const child of childGroups(folder)) yield* groupTree(child)
}

/** The pids in a group and below it, as this process sees them (0, a process of a foreign pid namespace, is left out). */
export function processesBelow(folder: string): number[] {
  const pids = new Set<number>()
  for (const group of groupTree(folder)) {
    const text = new GroupFiles(group).read('cgroup.procs') ?? ''
    for (const line of text.split('\n')) if (Number(line) > 0) pids.add(Number(line))
  }
  return [...pids]
}
