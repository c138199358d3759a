/**
 * Functions of a native library that take integers and addresses, past ffi-napi's own wrapper: that makes buffers for each call and
 * each argument, which costs many times what the call does.
 */

import ffi from 'ffi-napi'
import bindings from 'ffi-napi/lib/bindings.js'
import ref from 'ref-napi'

type IntegerType = 'int' | 'int64'

const WORD = 0x1_0000_0000

// allocUnsafeSlow, here and below: memory of its own, that nothing moves or shares. Each worker thread evaluates this file anew.
const result = Buffer.allocUnsafeSlow(8)

export class DirectLibrary {
  readonly #library: ffi.DynamicLibrary

  /** @throws Error if there is no such library */
  constructor(path: string) {
    this.#library = new ffi.DynamicLibrary(path)
  }

  /** Each argument has its cell, of which the function reads as much as its type is long. Gives 0 for what returns nothing. */
  function(name: string, returns: 'void' | IntegerType, types: IntegerType[] = []): (...values: number[]) => number {
    const cells = Buffer.allocUnsafeSlow(8 * Math.max(types.length, 1))
    const pointers = Buffer.allocUnsafeSlow(cells.length)
    for (const index of types.keys()) pointers.writeBigUInt64LE(addressOf(cells) + BigInt(8 * index), 8 * index)
    const [cif, pointer] = [ffi.CIF(returns, types), this.#library.get(name)]
    const answer = ANSWERS[returns]
    return (...values) => {
      for (let index = 0; index < values.length; index++) writeWord(cells, 8 * index, values[index]!)
      bindings.ffi_call(cif, pointer, result, pointers)
      return answer()
    }
  }
}

const ANSWERS = {
  void: () => 0,
  int: () => result.readInt32LE(),
  int64: () => result.readUInt32LE() + result.readInt32LE(4) * WORD,
}

function writeWord(cells: Buffer, at: number, value: number): void {
  cells.writeInt32LE(value | 0, at)
  cells.writeInt32LE(Math.floor(value / WORD), at + 4)
}

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
