/** Trees of files from a seed: every kind of file, odd names, links, holes, attributes. */

import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { AT_FDCWD, makeDevice, mknodAt, O_PATH, openat2, setTimes } from '../../src/kernel/files.ts'
import { setXattr } from '../../src/kernel/xattr.ts'

/** mulberry32: small, fast, the same everywhere. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** From 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  chance(percent: number): boolean {
    return this.below(100) < percent
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }
}

const S_IFIFO = 0o010000
const FOLDERS = 12
const FILES = 60

export const openFolder = (path: string): number => openat2(AT_FDCWD, path, O_PATH | constants.O_DIRECTORY, 0)

/** Fills an empty folder. */
export function growTree(root: string, random: Random): void {
  const tree = new Tree(Buffer.from(root), random)
  for (let i = 0; i < FOLDERS; i++) tree.addFolder()
  for (let i = 0; i < FILES; i++) tree.addFile()
  tree.adorn()
}

/** Adds, changes, moves, replaces and deletes in a tree that is there. */
export function mutateTree(root: string, random: Random): void {
  const tree = new Tree(Buffer.from(`${root}/.`), random)
  tree.find()
  for (let i = 0; i < 25; i++) tree.mutate()
  tree.adorn()
}

class Tree {
  readonly #random: Random
  readonly #root: Buffer
  #folders: Buffer[]
  #files: Buffer[] = []

  constructor(root: Buffer, random: Random) {
    this.#root = root
    this.#folders = [root]
    this.#random = random
  }

  /** Learns what is there. */
  find(): void {
    this.#folders = [this.#root]
    this.#files = []
    for (const folder of this.#folders) {
      for (const name of readdirSync(folder, { encoding: 'buffer' }).sort(Buffer.compare)) {
        const path = join(folder, name)
        if (lstatSync(path).isDirectory()) this.#folders.push(path)
        else this.#files.push(path)
      }
    }
  }

  addFolder(): void {
    const path = this.#newPath()
    mkdirSync(path)
    this.#folders.push(path)
  }

  addFile(): void {
    const path = this.#newPath()
    this.#make(path)
    this.#files.push(path)
  }

  mutate(): void {
    const random = this.#random
    const kind = random.below(8)
    if (kind === 0) this.addFolder()
    else if (kind === 1) this.addFile()
    else if (kind === 2 && this.#files.length > 0) rmSync(random.pick(this.#files), { force: true })
    else if (kind === 3 && this.#folders.length > 1) rmSync(this.#someFolder(), { recursive: true, force: true })
    else if (kind === 4 && this.#folders.length > 1) this.#replaceFolder()
    else if (kind === 5 && this.#files.length > 0) this.#replaceByFolder()
    else if (kind === 6 && this.#files.length > 0) renameSync(random.pick(this.#files), this.#newPath())
    else if (this.#files.length > 0) this.#rewrite(random.pick(this.#files))
    this.find()
  }

  /** Owners, modes, attributes and last of all times, of everything. */
  adorn(): void {
    this.find()
    const random = this.#random
    for (const path of [...this.#files, ...this.#folders.reverse()]) {
      const status = lstatSync(path)
      if (random.chance(50))
        lchownSync(path, random.pick([0, 1, 1000, 65534, 3_000_000]), random.pick([0, 5, 100, 4_000_000_000]))
      if (!status.isSymbolicLink() && random.chance(70)) chmodSync(path, random.below(0o10000))
      if ((status.isFile() || status.isDirectory()) && random.chance(25)) this.#attribute(path, status.isFile())
      const time = random.pick([
        { s: 1_000_000_000 + random.below(700_000_000), ns: random.below(1_000_000_000) },
        { s: random.below(2_000_000_000), ns: 0 },
        { s: -random.below(1_000_000) - 1, ns: 500_000_000 },
        { s: 4_500_000_000, ns: 1 },
      ])
      setTimes(AT_FDCWD, nul(path), time, time)
    }
  }

  #attribute(path: Buffer, isFile: boolean): void {
    const random = this.#random
    setXattr(
      nul(path),
      `user.${random.pick(['a', 'with space', 'long-name-'.repeat(8)])}`,
      random.bytes(random.below(60)),
    )
    if (random.chance(30)) setXattr(nul(path), 'trusted.skiff', random.bytes(9))
    // struct vfs_cap_data, revision 2, with bits beyond ASCII.
    if (isFile && random.chance(60)) {
      setXattr(
        nul(path),
        'security.capability',
        Buffer.concat([Buffer.from([1, 0, 0, 2, 0x80, 0xff]), Buffer.alloc(14)]),
      )
    }
  }

  #make(path: Buffer): void {
    const random = this.#random
    const kind = random.below(20)
    if (kind < 10) writeFileSync(path, random.bytes(random.pick([0, 1, 511, 512, 513, 1000, 20_000])))
    else if (kind < 12) this.#makeSparse(path)
    else if (kind < 14)
      symlinkSync(
        random.pick([this.#name(), Buffer.from('../../x'), Buffer.from('/etc'), Buffer.alloc(150, 's')]),
        path,
      )
    else if (kind < 17 && this.#files.length > 0) linkSync(random.pick(this.#files), path)
    else if (kind === 17) mknodAt(AT_FDCWD, nul(path), S_IFIFO | 0o644, 0n)
    else if (kind === 18)
      mknodAt(AT_FDCWD, nul(path), constants.S_IFCHR | 0o600, makeDevice(random.below(4000) + 1, random.below(1 << 20)))
    else mknodAt(AT_FDCWD, nul(path), constants.S_IFBLK | 0o600, makeDevice(7, random.below(300)))
  }

  #makeSparse(path: Buffer): void {
    const random = this.#random
    const file = openSync(path, 'wx')
    let at = 0
    for (let i = random.below(4); i >= 0; i--) {
      at += random.below(20) * 65_536
      at += writeSync(file, random.bytes(random.below(5000) + 1), 0, undefined, at)
    }
    if (random.chance(50)) ftruncateSync(file, at + 10_000_000)
    closeSync(file)
  }

  #rewrite(path: Buffer): void {
    if (lstatSync(path).isFile()) writeFileSync(path, this.#random.bytes(700))
  }

  /** Away with a folder, and another one in its place: opaque, for overlay. */
  #replaceFolder(): void {
    const path = this.#someFolder()
    rmSync(path, { recursive: true })
    mkdirSync(path)
    writeFileSync(join(path, this.#name()), 'new')
  }

  #replaceByFolder(): void {
    const path = this.#random.pick(this.#files)
    rmSync(path)
    mkdirSync(path)
  }

  #someFolder(): Buffer {
    return this.#folders[1 + this.#random.below(this.#folders.length - 1)]!
  }

  #newPath(): Buffer {
    for (;;) {
      const path = join(this.#random.pick(this.#folders), this.#name())
      if (path.length < 3000 && lstatSync(path, { throwIfNoEntry: false }) === undefined) return path
    }
  }

  #name(): Buffer {
    const random = this.#random
    const word = `${random.below(100_000)}`
    return random.pick([
      Buffer.from(word),
      Buffer.from(`name with spaces ${word}`),
      Buffer.from(`${word}\nnewline %0A`),
      Buffer.from(`日本語-ä-${word}`),
      // Not UTF-8.
      Buffer.concat([Buffer.from([0xff, 0xfe, 0x80]), Buffer.from(word)]),
      Buffer.from(`${'l'.repeat(240)}${word}`),
      Buffer.from(`-${word}`),
      Buffer.from(`.${word}`),
    ])
  }
}

const join = (folder: Buffer, name: Buffer): Buffer => Buffer.concat([folder, Buffer.from('/'), name])
const nul = (path: Buffer): Buffer => Buffer.concat([path, Buffer.from([0])])
