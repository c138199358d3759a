/**
 * Unpacks a tar stream from a container into a local folder. The archive is not trusted: a container decides what is in it,
 * and root unpacks it. No name leaves the folder, and no link that the archive makes is ever followed
 * (CVE-2014-9358, CVE-2018-15664: archives that write through links of their own).
 */

import { constants } from 'node:fs'
import {
  chmod,
  chown,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readlink,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { extract, type Header } from 'tar-stream'
import { write } from '../../client/write.ts'
import { type Plan, renamed } from './paths.ts'

export interface UnpackOptions {
  readonly plan: Plan
  /** Keep the numeric owner and group. */
  readonly keepOwner: boolean
}

/** An entry of the archive: its header, and its content to be read. */
type Entry = AsyncIterable<unknown> & { readonly header: Header }

/** @throws Error when an entry would leave the folder or cannot be made */
export async function unpackInto(source: Readable, { plan, keepOwner }: UnpackOptions): Promise<void> {
  const archive = extract()
  const reading = feed(source, archive)
  reading.catch(() => undefined)
  const folders: { path: string; header: Header }[] = []
  for await (const entry of archive) {
    const { header } = entry
    const name = renamed(header.name, plan.rename)
    const path = await safePath(plan.folder, name)
    await makeEntry(entry, path, plan, folders)
    entry.resume()
    if (header.type !== 'directory') await setAttributes(path, header, keepOwner)
  }
  await reading
  // Last, as what is made in a folder changes its time, and a read-only folder takes nothing in.
  for (const { path, header } of folders.reverse()) await setAttributes(path, header, keepOwner)
}

/** The path of an entry. @throws Error when it is outside of the folder, or beyond a link */
async function safePath(folder: string, name: string): Promise<string> {
  const clean = posix.normalize(`/${name}`)
  if (name.split('/').includes('..'))
    throw new Error(`the archive has a name that leads out of it: ${JSON.stringify(name)}`)
  const parts = clean.split('/').filter(Boolean)
  let path = folder
  for (const part of parts.slice(0, -1)) {
    path = join(path, part)
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isSymbolicLink()) throw new Error(`the archive leads through a link: ${JSON.stringify(name)}`)
    if (!stats) await mkdir(path)
  }
  return join(folder, ...parts)
}

async function makeEntry(
  entry: Entry,
  path: string,
  plan: Plan,
  folders: { path: string; header: Header }[],
): Promise<void> {
  const { header } = entry
  switch (header.type) {
    case 'directory':
      if (await makeFolder(path, plan.folder)) folders.push({ path, header })
      return
    case 'file':
    case 'contiguous-file':
      return await makeFile(entry, path)
    case 'symlink':
      await clear(path)
      return await symlink(header.linkname ?? '', path)
    case 'link':
      await clear(path)
      return await link(await safePath(plan.folder, renamed(header.linkname ?? '', plan.rename)), path)
    default:
      throw new Error(
        `cannot make ${path}: a ${header.type ?? 'special file'} can be copied only into a tar archive (-)`,
      )
  }
}

/** Answers whether its attributes are to be set: those of the folder that was there are its own. */
async function makeFolder(path: string, root: string): Promise<boolean> {
  if (path === root || path === `${root}/`) return false
  const present = await lstat(path).catch(() => undefined)
  if (present?.isDirectory()) return true
  if (present) throw new Error(`cannot overwrite non-directory ${JSON.stringify(path)} with directory`)
  await mkdir(path)
  return true
}

async function makeFile(entry: Entry, path: string): Promise<void> {
  await clear(path)
  // O_EXCL and O_NOFOLLOW: what is written is a new file, not what a link made meanwhile points to.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(path, flags, 0o600)
  try {
    for await (const chunk of entry) await file.writeFile(chunk as Uint8Array)
  } finally {
    await file.close()
  }
}

/** Hands the stream over to tar-stream, whose streams are not Node's own. */
async function feed(source: Readable, archive: ReturnType<typeof extract>): Promise<void> {
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      await write(archive as unknown as Writable, chunk)
    }
    archive.end(undefined)
  } catch (error) {
    archive.destroy(error as Error)
    throw error
  }
}

/** Removes what an entry replaces, but never a folder. */
async function clear(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined)
  if (present?.isDirectory()) throw new Error(`cannot overwrite directory ${JSON.stringify(path)} with non-directory`)
  if (present) await rm(path)
}

async function setAttributes(path: string, { type, mode, uid, gid, mtime }: Header, keepOwner: boolean): Promise<void> {
  const time = mtime ?? new Date()
  if (type === 'symlink') {
    if (keepOwner) await lchown(path, uid ?? 0, gid ?? 0)
    return await lutimes(path, time, time)
  }
  if (type === 'link') return
  // The owner first: changing it takes away the set-id bits.
  if (keepOwner) await chown(path, uid ?? 0, gid ?? 0)
  await chmod(path, mode ?? 0o644)
  await utimes(path, time, time)
}

/** Where a local path ends after its links: the target of a copy may be a link to a folder. */
export async function resolveTarget(path: string): Promise<{ path: string; exists: boolean; isDirectory: boolean }> {
  let current = path
  for (let links = 0; links < 10; links++) {
    const stats = await lstat(current).catch(() => undefined)
    if (!stats) {
      const parent = await lstat(dirname(current.replace(/\/+$/, ''))).catch(() => undefined)
      if (!parent) throw new Error(`invalid output path: directory "${dirname(current)}" does not exist`)
      return { path: current, exists: false, isDirectory: false }
    }
    if (!stats.isSymbolicLink()) {
      if (!stats.isDirectory() && current.endsWith('/')) throw new Error('not a directory')
      return { path: current, exists: true, isDirectory: stats.isDirectory() }
    }
    const target = await readlink(current.replace(/\/+$/, ''))
    current = posix.isAbsolute(target) ? target : join(dirname(current), target)
  }
  throw new Error(`too many symbolic links in "${path}"`)
}
