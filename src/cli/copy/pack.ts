/** Packs local files into a tar stream. */

import { createReadStream, type Stats } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { Readable } from 'node:stream'
import { type Header, type Pack, pack as tarPack } from 'tar-stream'

/** What is to be said of an entry; the rest has defaults. */
type Entry = Partial<Header> & Pick<Header, 'name'>

/** An archive of `path` under `name`, folders with all that is in them. Sockets are left out: they cannot be copied. */
export const packPath = (path: string, name: string): Readable => packTrees([{ path, name }])

export interface PackedTree {
  path: string
  name: string
  /** What is left out: by its path below `path`, '' for that itself. Of a folder 'inside' leaves out the folder alone. */
  skip?: (below: string, isFolder: boolean) => boolean | 'inside'
  /** All files are given to this owner. */
  owner?: { uid: number; gid: number }
}

/** Several trees in one archive. */
export function packTrees(trees: readonly PackedTree[]): Readable {
  const archive = tarPack()
  const add = async (): Promise<void> => {
    for (const tree of trees) await addTree(archive, tree, '', await lstat(tree.path), new Map())
  }
  add().then(
    () => archive.finalize(),
    error => archive.destroy(error as Error),
  )
  // tar-stream's streams are not Node's own.
  return Readable.from(archive, { objectMode: false })
}

/** `seen`: the first name of every file that has several. */
async function addTree(
  archive: Pack,
  tree: PackedTree,
  below: string,
  stats: Stats,
  seen: Map<string, string>,
): Promise<void> {
  const path = join(tree.path, below)
  const name = posix.join(tree.name, below)
  const skipped = tree.skip?.(below, stats.isDirectory()) ?? false
  if (skipped === true) return
  const { uid, gid } = tree.owner ?? stats
  const header: Entry = { name, mode: stats.mode & 0o7777, uid, gid, mtime: stats.mtime }
  if (stats.isDirectory()) {
    if (skipped === false) await addEntry(archive, { ...header, name: `${name}/`, type: 'directory' })
    for await (const [child, found] of statuses(path, (await readdir(path)).sort())) {
      await addTree(archive, tree, posix.join(below, child), found, seen)
    }
  } else if (stats.isSymbolicLink()) {
    await addEntry(archive, { ...header, type: 'symlink', linkname: await readlink(path) })
  } else if (stats.isFile()) {
    const inode = `${stats.dev}:${stats.ino}`
    const first = stats.nlink > 1 ? seen.get(inode) : undefined
    if (first !== undefined) return await addEntry(archive, { ...header, type: 'link', linkname: first })
    seen.set(inode, name)
    await addFile(archive, { ...header, type: 'file', size: stats.size }, path)
  } else if (stats.isFIFO()) {
    await addEntry(archive, { ...header, type: 'fifo' })
  } else if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const type = stats.isBlockDevice() ? 'block-device' : 'character-device'
    await addEntry(archive, { ...header, type, devmajor: major(stats.rdev), devminor: minor(stats.rdev) })
  }
}

/** Asked for together: each answer takes a while to come, however quick it is found. */
async function* statuses(folder: string, names: readonly string[]): AsyncGenerator<[name: string, stats: Stats]> {
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE)
    const found = await Promise.all(some.map(name => lstat(join(folder, name))))
    for (const [index, name] of some.entries()) yield [name, found[index]!]
  }
}

const AT_ONCE = 32

const addEntry = (archive: Pack, header: Entry): Promise<void> =>
  new Promise((resolve, reject) => void archive.entry(header, error => (error ? reject(error) : resolve())))

async function addFile(archive: Pack, header: Entry & { size: number }, path: string): Promise<void> {
  let announce = (_error?: Error | null): void => undefined
  const complete = new Promise<void>((resolve, reject) => {
    announce = error => (error ? reject(error) : resolve())
  })
  complete.catch(() => undefined)
  const sink = archive.entry(header, announce)
  for await (const chunk of await content(path, header.size)) {
    if (!sink.write(chunk))
      await Promise.race([new Promise<void>(resolve => sink.once('drain', () => resolve())), complete])
  }
  sink.end(undefined)
  await complete
}

/** No more than was announced, should the file grow meanwhile; if it shrinks, tar-stream reports it. */
const content = async (path: string, size: number): Promise<AsyncIterable<Buffer> | Buffer[]> =>
  size === 0
    ? []
    : size <= BLOCK
      ? readAtOnce(path, size)
      : createReadStream(path, { end: size - 1, highWaterMark: BLOCK })

/** A stream of its own would cost a small file more than all the rest. */
async function readAtOnce(path: string, size: number): Promise<Buffer[]> {
  const file = await open(path)
  try {
    const bytes = Buffer.allocUnsafe(size)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, size - length)
      length += bytesRead
      if (bytesRead === 0 || length === size) return [bytes.subarray(0, length)]
    }
  } finally {
    await file.close()
  }
}

/** Bytes that are read at once. */
const BLOCK = 1 << 18

// makedev(3): glibc's encoding of device numbers.
const major = (rdev: number): number => ((rdev >>> 8) & 0xfff) | (Math.trunc(rdev / 2 ** 32) & 0xfffff000)
const minor = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xffffff00)
