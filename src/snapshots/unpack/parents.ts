/**
 * The folders in which an archive's entries are made, as open descriptors. Every entry is created by its last component in a
 * folder that the kernel has resolved beneath the root: no name in an archive, and no symlink, can lead out, whatever it says.
 * See openat2(2).
 */

import { constants } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { close, mkdirAt, O_PATH, openat2, RESOLVE_NO_MAGICLINKS } from '../../kernel/files.ts'
import { type ByteString, splitPath, toPath, toText } from '../tar/byte-string.ts'

/** Archives go through their folders in order: few need to be open. */
const KEPT_OPEN = 64
const FOLDER_MODE = 0o755

export class Parents {
  readonly #root: number
  readonly #resolve: number
  readonly #onCreate: (path: ByteString) => void
  readonly #open = new Map<ByteString, number>()

  /** `resolve`: RESOLVE_BENEATH or RESOLVE_IN_ROOT. `onCreate` hears of folders that no entry has announced. */
  constructor(root: number, resolve: number, onCreate: (path: ByteString) => void) {
    this.#root = root
    this.#resolve = resolve | RESOLVE_NO_MAGICLINKS
    this.#onCreate = onCreate
  }

  /** An O_PATH descriptor, which stays ours. Missing folders are made. @throws InvalidParameter if the path leads out */
  open(path: ByteString): number {
    if (path === '') return this.#root
    const known = this.#open.get(path)
    if (known !== undefined) return known
    const folder = this.find(path)
    if (folder !== undefined) return folder
    const { folder: above, name } = splitPath(path)
    mkdirAt(this.open(above), toPath(name), FOLDER_MODE)
    this.#onCreate(path)
    return this.find(path)!
  }

  /** The same, but nothing is made: undefined if the folder is missing. */
  find(path: ByteString): number | undefined {
    if (path === '') return this.#root
    const known = this.#open.get(path)
    if (known !== undefined) return known
    try {
      return this.#keep(path, openat2(this.#root, toPath(path), O_PATH | constants.O_DIRECTORY, this.#resolve))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw explained(error, path)
    }
  }

  /** To be called when a folder was moved or replaced: descriptors would still name the old one. */
  forget(): void {
    for (const folder of this.#open.values()) close(folder)
    this.#open.clear()
  }

  #keep(path: ByteString, folder: number): number {
    if (this.#open.size >= KEPT_OPEN) {
      const [oldest, descriptor] = this.#open.entries().next().value!
      close(descriptor)
      this.#open.delete(oldest)
    }
    this.#open.set(path, folder)
    return folder
  }
}

function explained(error: unknown, path: ByteString): unknown {
  const name = JSON.stringify(toText(path))
  if (hasCode(error, 'EXDEV'))
    return new InvalidParameter(`invalid archive: ${name} leads out through a symlink`, { cause: error })
  if (hasCode(error, 'ELOOP'))
    return new InvalidParameter(`invalid archive: ${name} has a loop of symlinks`, { cause: error })
  if (hasCode(error, 'ENOTDIR'))
    return new InvalidParameter(`invalid archive: ${name} is not a folder`, { cause: error })
  return error
}

/** A name of an archive as a path beneath its root: `./a//b/` and `/a/b` are `a/b`, the root is ''. */
export function normalizeName(name: ByteString): ByteString {
  if (name.includes('\0')) throw new InvalidParameter('invalid archive: a name has a NUL in it')
  if (!needsWork.test(name)) return name
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) {
      throw new InvalidParameter(`invalid archive: ${JSON.stringify(toText(name))} is outside of its root`)
    }
  }
  return parts.join('/') as ByteString
}

const needsWork = /^\/|\/$|\/\/|(^|\/)\.\.?(\/|$)|^$/
