/**
 * Functions of a native library that take integers and addresses, past ffi-napi's own wrapper: that makes buffers for each call and
 * each argument, which costs many times what the call does. On the calling thread, or on one of libuv's pool.
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
    const pointers = pointersTo(cells, types.length)
    const [cif, pointer] = [ffi.CIF(returns, types), this.#library.get(name)]
    const answer = ANSWERS[returns]
    return (...values) => {
      for (let index = 0; index < values.length; index++) writeWord(cells, 8 * index, values[index]!)
      bindings.ffi_call(cif, pointer, result, pointers)
      return answer()
    }
  }

  /**
   * The same on a thread of libuv's pool, for a function that returns an int64. An argument is a number or, by its address, a Buffer:
   * it stays alive and is the thread's until the promise is settled.
   */
  inBackground(name: string, types: IntegerType[] = []): (...values: (number | Buffer)[]) => Promise<number> {
    const [cif, pointer] = [ffi.CIF('int64', types), this.#library.get(name)]
    // As many as there were calls at the same time.
    const free: Frame[] = []
    return (...values) =>
      new Promise((resolve, reject) => {
        const frame = free.pop() ?? makeFrame(types.length)
        for (const [index, value] of values.entries())
          writeWord(frame.cells, 8 * index, typeof value === 'number' ? value : addressIn(value))
        frame.alive = values
        bindings.ffi_call_async(cif, pointer, frame.result, frame.pointers, error => {
          frame.alive = []
          free.push(frame)
          if (error) reject(new Error(`${name}: ${String(error)}`))
          else resolve(asInteger(frame.result))
        })
      })
  }
}

/** What a call of its own needs that another may overtake. */
interface Frame {
  cells: Buffer
  pointers: Buffer
  result: Buffer
  alive: readonly (number | Buffer)[]
}

function makeFrame(count: number): Frame {
  const cells = Buffer.allocUnsafeSlow(8 * Math.max(count, 1))
  return { cells, pointers: pointersTo(cells, count), result: Buffer.allocUnsafeSlow(8), alive: [] }
}

/** The arguments as libffi takes them: where each of them is. */
function pointersTo(cells: Buffer, count: number): Buffer {
  const pointers = Buffer.allocUnsafeSlow(cells.length)
  for (let index = 0; index < count; index++) pointers.writeBigUInt64LE(addressOf(cells) + BigInt(8 * index), 8 * index)
  return pointers
}

const asInteger = (bytes: Buffer): number => bytes.readUInt32LE() + bytes.readInt32LE(4) * WORD

const ANSWERS = {
  void: () => 0,
  int: () => result.readInt32LE(),
  int64: () => asInteger(result),
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
