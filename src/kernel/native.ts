/**
 * The native library (native/library) as FFI sees it: the only file that imports ffi-napi.
 * Every function in it returns its result, or -errno.
 */

import { fileURLToPath } from 'node:url'
import ffi from 'ffi-napi'
import bindings from 'ffi-napi/lib/bindings.js'
import ref from 'ref-napi'

/** Where `make -C native` puts what it builds; the same from src/ and from dist/. */
export const BUILD_DIR = fileURLToPath(new URL('../../build/', import.meta.url))

const library = ffi.Library(`${BUILD_DIR}libskiff.so`, {
  skiff_use_mailbox: ['void', ['pointer']],
  skiff_use_list: ['void', ['pointer']],
  skiff_detached_overlay: ['int64', ['string', 'string', 'uint64']],
  skiff_spawn: ['int64', ['int', 'pointer', 'int', 'pointer', 'int']],
  skiff_remove_tree: ['int64', ['string', 'int32']],
  skiff_replace_durably: ['int64', ['string', 'string', 'string', 'pointer', 'int64', 'int32']],
  skiff_make_network_namespace: ['int64', []],
  skiff_make_network_namespace_of: ['int64', ['int']],
  skiff_make_user_namespace: ['int64', ['string', 'string']],
  skiff_socket_in_network_namespace: ['int64', ['int', 'int', 'int', 'int']],
})

const dynamic = new ffi.DynamicLibrary(`${BUILD_DIR}libskiff.so`)
// allocUnsafeSlow, here and below: memory of its own, that nothing moves or shares. Each worker thread evaluates this file anew.
const result = Buffer.allocUnsafeSlow(8)

/**
 * A function that takes integers and addresses, past ffi-napi's own wrapper: that makes two buffers for each call, which takes
 * 3 of its 4 µs. Each argument has its cell, of which the function reads as much as its type is long.
 */
function direct(name: string, returns: 'void' | 'int32' | 'int64', types: ('int' | 'int64')[] = []) {
  const cells = Buffer.allocUnsafeSlow(8 * Math.max(types.length, 1))
  const pointers = Buffer.allocUnsafeSlow(cells.length)
  for (const index of types.keys()) pointers.writeBigUInt64LE(addressOf(cells) + BigInt(8 * index), 8 * index)
  const [cif, pointer] = [ffi.CIF(returns, types), dynamic.get(name)]
  return (...values: number[]): void => {
    for (const [index, value] of values.entries()) writeWord(cells, 8 * index, value)
    bindings.ffi_call(cif, pointer, result, pointers)
  }
}

function writeWord(cells: Buffer, at: number, value: number): void {
  cells.writeInt32LE(value | 0, at)
  cells.writeInt32LE(Math.floor(value / WORD), at + 4)
}

const WORD = 0x1_0000_0000

const starts = new WeakMap<ArrayBufferLike, number>()

/** Where a buffer's bytes lie in memory: below 2^47, which a number holds. Valid only while the caller keeps the buffer alive. */
export function addressIn({ buffer, byteOffset }: Buffer): number {
  let start = starts.get(buffer)
  if (start === undefined) {
    start = ref.address(Buffer.from(buffer))
    starts.set(buffer, start)
  }
  return start + byteOffset
}

export const addressOf = (buffer: Buffer): bigint => BigInt(addressIn(buffer))

/** ffi-napi takes a Buffer where its types want a ref-napi pointer. */
const pointer = (buffer: Buffer): ref.Pointer<unknown> => buffer as ref.Pointer<unknown>

/** See native/library/syscall.c. */
export const useMailbox = (mailbox: Buffer): void => library.skiff_use_mailbox(pointer(mailbox))
export const runSyscall: () => void = direct('skiff_syscall', 'void')

/** See native/library/syscalls.c. */
export const useSyscallList = (list: Buffer): void => library.skiff_use_list(pointer(list))
const runList = direct('skiff_run_list', 'int32')
export function runSyscallList(): number {
  runList()
  return result.readInt32LE()
}

/** See native/library/scan.c. */
const scanFolder = direct('skiff_scan_folder', 'int64', ['int', 'int64', 'int64'])
export function scanFolderNative(folder: number, records: Buffer): number {
  scanFolder(folder, addressIn(records), records.length)
  return result.readUInt32LE() + result.readInt32LE(4) * WORD
}

/** See native/library/detached-mount.c. */
export const detachedOverlay = (folder: string, options: string, flags: number): number =>
  Number(library.skiff_detached_overlay(folder, options, flags))

/** See native/library/spawn.c. `fds` are int32, `strings` NUL-terminated. */
export const spawnNative = (executable: number, fds: Buffer, fdCount: number, strings: Buffer, count: number): number =>
  Number(library.skiff_spawn(executable, pointer(fds), fdCount, pointer(strings), count))

/** The same on a thread of libuv's pool. */
export const spawnNativeAsync = (executable: number, fds: Buffer, fdCount: number, strings: Buffer, count: number) =>
  new Promise<number>((resolve, reject) => {
    const done = (error: unknown, result: number | string): void => {
      // Until here they are the child's to read.
      fds.fill(0)
      strings.fill(0)
      if (error) reject(error)
      else resolve(Number(result))
    }
    library.skiff_spawn.async(executable, pointer(fds), fdCount, pointer(strings), count, done)
  })

/** See native/library/remove-tree.c; on a thread of libuv's pool. */
export const removeTreeNativeAsync = (path: string, most: number): Promise<number> =>
  new Promise((resolve, reject) => {
    library.skiff_remove_tree.async(path, most, (error, result) => (error ? reject(error) : resolve(Number(result))))
  })

/** See native/library/durable-file.c; on a thread of libuv's pool. */
export const replaceDurablyNativeAsync = (
  names: { temporary: string; path: string; folder: string },
  data: Buffer,
  mode: number,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const { temporary, path, folder } = names
    const done = (error: unknown, result: number | string): void => {
      // Until here it is the thread's to read.
      data.fill(0)
      if (error) reject(error)
      else resolve(Number(result))
    }
    library.skiff_replace_durably.async(temporary, path, folder, pointer(data), data.length, mode, done)
  })

/** See native/library/namespaces.c. */
export const makeNetworkNamespaceNative = (): number => Number(library.skiff_make_network_namespace())

export const makeNetworkNamespaceOfNative = (userns: number): number =>
  Number(library.skiff_make_network_namespace_of(userns))
export const makeUserNamespaceNative = (uidMap: string, gidMap: string): number =>
  Number(library.skiff_make_user_namespace(uidMap, gidMap))

/** The same on a thread of libuv's pool: the kernel takes milliseconds for it. */
export const makeNetworkNamespaceNativeAsync = (): Promise<number> =>
  new Promise((resolve, reject) => {
    library.skiff_make_network_namespace.async((error, result) => (error ? reject(error) : resolve(Number(result))))
  })

/** See native/library/namespaces.c. */
export const socketInNetworkNamespaceNative = (netns: number, domain: number, type: number, protocol: number): number =>
  Number(library.skiff_socket_in_network_namespace(netns, domain, type, protocol))
