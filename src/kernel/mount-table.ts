/** The mounts of this process's mount namespace: /proc/self/mountinfo, proc_pid_mountinfo(5). */

import { readFile } from 'node:fs/promises'

export interface MountEntry {
  mountPoint: string
  fstype: string
  source: string
  /** In a peer group: what is mounted below it appears at its peers, and the reverse. */
  shared: boolean
  /** What is mounted below its master appears here. */
  slave: boolean
}

/** Shell: `findmnt --list` */
export const mountTable = async (): Promise<MountEntry[]> =>
  parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'))

export function parseMountTable(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      // Six fields, then any number of optional ones, a hyphen, and three more.
      const [before = '', after = ''] = line.split(' - ')
      const [, , , , mountPoint = '', , ...optional] = before.split(' ')
      const [fstype = '', source = ''] = after.split(' ')
      return {
        mountPoint: decodeOctal(mountPoint),
        fstype,
        source: decodeOctal(source),
        shared: optional.some(field => field.startsWith('shared:')),
        slave: optional.some(field => field.startsWith('master:')),
      }
    })
}

/** Space, tab, newline and backslash stand there as octal numbers. */
const decodeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The mount that a path without symlinks is on: the deepest, and of several on one folder the topmost, which comes last. */
export function mountAt(table: readonly MountEntry[], path: string): MountEntry | undefined {
  let found: MountEntry | undefined
  for (const entry of table) {
    const holds = entry.mountPoint === '/' || path === entry.mountPoint || path.startsWith(`${entry.mountPoint}/`)
    if (holds && entry.mountPoint.length >= (found?.mountPoint.length ?? 0)) found = entry
  }
  return found
}
