/**
 * The native library (native/library) as FFI sees it.
 * Every function in it returns its result, or -errno.
 */

import { fileURLToPath } from 'node:url'
import ffi from 'ffi-napi'
import type ref from 'ref-napi'
import { addressIn, DirectLibrary } from './direct-calls.ts'

/** Where `make -C native` puts what it builds; the same from src/ and from dist/. */
export const BUILD_DIR = fileURLToPath(new URL('../../build/', import.meta.url))

const library = ffi.Library(`${BUILD_DIR}libskiff.so`, {
  skiff_use_mailbox: ['void', ['pointer']],
  skiff_use_list: ['void', ['pointer']],
  skiff_detached_overlay: ['int64', ['string', 'string', 'uint64']],
  skiff_make_network_namespace: ['int64', []],
  skiff_make_network_namespace_of: ['int64', ['int']],
  skiff_make_user_namespace: ['int64', ['string', 'string']],
  skiff_socket_in_network_namespace: ['int64', ['int', 'int', 'int', 'int']],
})

const direct = new DirectLibrary(`${BUILD_DIR}libskiff.so`)

/** ffi-napi takes a Buffer where its types want a ref-napi pointer. */
const pointer = (buffer: Buffer): ref.Pointer<unknown> => buffer as ref.Pointer<unknown>

/** See native/library/syscall.c. */
export const useMailbox = (mailbox: Buffer): void => library.skiff_use_mailbox(pointer(mailbox))
export const runSyscall: () => void = direct.function('skiff_syscall', 'void')

/** See native/library/syscalls.c. */
export const useSyscallList = (list: Buffer): void => library.skiff_use_list(pointer(list))
export const runSyscallList: () => number = direct.function('skiff_run_list', 'int')

/** See native/library/scan.c. */
const scanFolder = direct.function('skiff_scan_folder', 'int64', ['int', 'int64', 'int64'])
export const scanFolderNative = (folder: number, records: Buffer): number =>
  scanFolder(folder, addressIn(records), records.length)

/** See native/library/detached-mount.c. */
export const detachedOverlay = (folder: string, options: string, flags: number): number =>
  Number(library.skiff_detached_overlay(folder, options, flags))

/** See native/library/spawn.c; on a thread of libuv's pool. `fds` are int32, `strings` NUL-terminated. */
export const spawnNativeAsync = direct.inBackground('skiff_spawn', ['int', 'int64', 'int', 'int64', 'int'])

const terminated = (text: string): Buffer => Buffer.from(`${text}\0`)

/** See native/library/remove-tree.c; on a thread of libuv's pool. */
const removeTree = direct.inBackground('skiff_remove_tree', ['int64', 'int'])
export const removeTreeNativeAsync = (path: string, most: number): Promise<number> => removeTree(terminated(path), most)

/** See native/library/durable-file.c; on a thread of libuv's pool. */
const replaceDurably = direct.inBackground('skiff_replace_durably', [
  'int64',
  'int64',
  'int64',
  'int64',
  'int64',
  'int',
])
export const replaceDurablyNativeAsync = (
  { temporary, path, folder }: { temporary: string; path: string; folder: string },
  data: Buffer,
  mode: number,
): Promise<number> =>
  replaceDurably(terminated(temporary), terminated(path), terminated(folder), data, data.length, mode)

/** See native/library/file-steps.c; on a thread of libuv's pool. `taken`: an int32, of those that succeeded. */
const fileSteps = direct.inBackground('skiff_file_steps', ['int64', 'int64', 'int64'])
export const fileStepsNativeAsync = (steps: Buffer, taken: Buffer): Promise<number> =>
  fileSteps(steps, steps.length, taken)

/** See native/library/namespaces.c. */
export const makeNetworkNamespaceNative = (): number => Number(library.skiff_make_network_namespace())

export const makeNetworkNamespaceOfNative = (userns: number): number =>
  Number(library.skiff_make_network_namespace_of(userns))
export const makeUserNamespaceNative = (uidMap: string, gidMap: string): number =>
  Number(library.skiff_make_user_namespace(uidMap, gidMap))

/** The same on a thread of libuv's pool: the kernel takes milliseconds for it. */
export const makeNetworkNamespaceNativeAsync = direct.inBackground('skiff_make_network_namespace')

/** See native/library/namespaces.c. */
export const socketInNetworkNamespaceNative = (netns: number, domain: number, type: number, protocol: number): number =>
  Number(library.skiff_socket_in_network_namespace(netns, domain, type, protocol))
