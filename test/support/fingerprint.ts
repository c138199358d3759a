/** A tree of files as a list of lines, to compare with another one: everything that an archive can carry. */

import { createHash } from 'node:crypto'
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { xattrsOf } from '../../src/kernel/xattr.ts'

export interface FingerprintOptions {
  /** Folders' times too. Off where something was made in them since. */
  folderTimes?: boolean
}

/** `root` may be a path or an open folder. Names and targets are given as latin1: one character a byte. */
export function fingerprint(root: string | number, { folderTimes = true }: FingerprintOptions = {}): string[] {
  const start = typeof root === 'number' ? `/proc/self/fd/${root}/.` : root
  const lines: string[] = []
  const links = new Map<bigint, string>()
  const visit = (path: Buffer, shown: string): void => {
    const status = lstatSync(path, { bigint: true })
    lines.push(`${shown} ${describe(path, shown, status, links, folderTimes)}`)
    if (!status.isDirectory()) return
    const names = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)
    for (const name of names) {
      visit(Buffer.concat([path, Buffer.from('/'), name]), `${shown}/${name.toString('latin1')}`)
    }
  }
  visit(Buffer.from(start), '')
  return lines
}

function describe(path: Buffer, shown: string, status: BigIntStats, links: Map<bigint, string>, folderTimes: boolean) {
  const mode = status.mode.toString(8)
  const time = status.isDirectory() && !folderTimes ? '' : `${status.mtimeNs}`
  const parts = [mode, status.uid, status.gid, time]
  if (status.isFile()) parts.push(`${status.size}`, createHash('sha256').update(readFileSync(path)).digest('hex'))
  if (status.isSymbolicLink()) parts.push(readlinkSync(path, { encoding: 'buffer' }).toString('latin1'))
  if (status.isCharacterDevice() || status.isBlockDevice()) parts.push(`dev ${status.rdev}`)
  if (!status.isDirectory() && status.nlink > 1n) {
    parts.push(`same as ${links.get(status.ino) ?? 'itself'}`)
    if (!links.has(status.ino)) links.set(status.ino, shown)
  }
  const attributes = [...xattrsOf(Buffer.concat([path, Buffer.from('\0')]))].sort()
  for (const [name, value] of attributes) {
    if (!name.startsWith('trusted.overlay.')) parts.push(`${name}=${value.toString('hex')}`)
  }
  return parts.join(' ')
}
