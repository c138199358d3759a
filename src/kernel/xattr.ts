/**
 * Extended attributes. See xattr(7), listxattr(2), getxattr(2), setxattr(2).
 *
 * There is no *at form before Linux 6.13, so a file is named by its folder's descriptor through /proc/self/fd, whose last
 * component the l… calls do not follow; or by its own descriptor. Names are byte strings, values are bytes.
 */

import { check, hasCode, KernelError } from './errors.ts'
import type { FileName } from './files.ts'
import { syscall } from './syscall.ts'

// Both are the kernel's own limits: XATTR_LIST_MAX, XATTR_SIZE_MAX in include/uapi/linux/limits.h.
const LIST_MAX = 65536
const VALUE_MAX = 65536

const list = Buffer.alloc(LIST_MAX)
const value = Buffer.alloc(VALUE_MAX)

/** All attributes of a file, which is not followed if it is a symlink. Empty where the file system has none. */
export const listXattrs = (folder: number, name: FileName): Map<string, Buffer> => xattrsOf(inFolder(folder, name))

/** The same, of the file at a path. */
export function xattrsOf(path: FileName): Map<string, Buffer> {
  const length = syscall('llistxattr', path, list, LIST_MAX)
  const found = new Map<string, Buffer>()
  if (length === 0) return found
  try {
    check('llistxattr', length)
  } catch (error) {
    if (hasCode(error, 'ENOTSUP', 'EOPNOTSUPP')) return found
    throw error
  }
  for (const attribute of list.toString('latin1', 0, length).split('\0').slice(0, -1)) {
    const content = getXattr(path, attribute)
    if (content !== undefined) found.set(attribute, content)
  }
  return found
}

/** One attribute of the file at a path, which is not followed; undefined if it has none of that name. */
export function getXattr(path: FileName, attribute: string): Buffer | undefined {
  const length = syscall('lgetxattr', path, Buffer.from(`${attribute}\0`, 'latin1'), value, VALUE_MAX)
  if (length >= 0) return Buffer.from(value.subarray(0, length))
  const error = new KernelError('lgetxattr', -length, { attribute })
  if (hasCode(error, 'ENODATA', 'ENOTSUP', 'EOPNOTSUPP')) return undefined
  throw error
}

/** lsetxattr(2) */
export function setXattr(path: FileName, attribute: string, content: Buffer): void {
  const name = Buffer.from(`${attribute}\0`, 'latin1')
  check('lsetxattr', syscall('lsetxattr', path, name, content, content.length, 0), { attribute })
}

/** The path of a name in an open folder, as a NUL-terminated Buffer. */
export function inFolder(folder: number, name: FileName): Buffer {
  const ending = typeof name === 'string' ? Buffer.from(`${name}\0`) : name
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), ending])
}
