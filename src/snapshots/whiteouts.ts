/**
 * How a layer says that something of the layers below is gone. In archives: OCI image specification, layer.md, "Whiteouts"
 * (empty files with special names). On disk: the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque
 * directories" (a device node, an attribute).
 */

import { constants } from 'node:fs'
import { hasCode } from '../kernel/errors.ts'
import { type FileName, type FileStatus, makeDevice, mknodAt } from '../kernel/files.ts'
import { getXattr, inFolder, setXattr } from '../kernel/xattr.ts'
import type { ByteString } from './tar/byte-string.ts'

export const WHITEOUT_PREFIX = '.wh.'
/** In a folder: nothing of the same folder below shows through. */
export const OPAQUE_MARKER = '.wh..wh..opq' as ByteString
/** aufs kept its own bookkeeping under such names; Docker's archives never mean anything by them. */
export const AUFS_PREFIX = '.wh..wh.'

export const OPAQUE_XATTR = 'trusted.overlay.opaque'

/**
 * On a file system that is an overlay itself the kernel's marks cannot be made (they are its own there), nor can overlay be
 * used: marks of ours serve for merge.ts. No device has the major number 0.
 */
const OWN_WHITEOUT = makeDevice(0, 1)
const OWN_OPAQUE_XATTR = 'trusted.skiff.opaque'

/**
 * Whether an attribute means something to overlay or to merge.ts in this one layer alone. It belongs neither to a copy of the file
 * nor to an archive, and must not come from one: there it could make a folder show another one (trusted.overlay.redirect) or
 * hide what is below it. The marks that layers need are made from whiteouts.
 */
export const isLayerMark = (attribute: string): boolean => /^((trusted|user)\.overlay|trusted\.skiff)\./.test(attribute)

export const isWhiteout = ({ mode, major, minor }: FileStatus): boolean =>
  (mode & constants.S_IFMT) === constants.S_IFCHR && major === 0 && minor <= 1

/** @throws KernelError EEXIST */
export function makeWhiteout(folder: number, name: FileName): void {
  try {
    mknodAt(folder, name, constants.S_IFCHR, 0n)
  } catch (error) {
    if (!hasCode(error, 'EPERM')) throw error
    mknodAt(folder, name, constants.S_IFCHR, OWN_WHITEOUT)
  }
}

export function makeOpaque(folder: number, name: FileName): void {
  const path = inFolder(folder, name)
  try {
    setXattr(path, OPAQUE_XATTR, Buffer.from('y'))
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP')) throw error
    setXattr(path, OWN_OPAQUE_XATTR, Buffer.from('y'))
  }
}

export const isOpaque = (folder: number, name: FileName): boolean =>
  [OPAQUE_XATTR, OWN_OPAQUE_XATTR].some(mark => getXattr(inFolder(folder, name), mark)?.toString() === 'y')
