/**
 * What goes between the launcher (native/launcher) and the command host: frames of a header, two 32-bit numbers in the machine's
 * order (type, bytes), and their payload. The drawing is in native/launcher/launcher.h.
 */

import type { Socket } from 'node:net'
import { endianness } from 'node:os'

export const FRAME = {
  /** Facts, arguments and environment: hello.ts. */
  HELLO: 1,
  /** What was read of stdin; empty: its end. */
  STDIN: 2,
  /** A signal's number, 8 bits. */
  SIGNAL: 3,
  /** Rows and columns, 16 bits each. */
  WINDOW: 4,
  /** Nothing was done: run it in Node. */
  DECLINE: 5,
  STDOUT: 6,
  STDERR: 7,
  /** How many bytes of stdin are wanted, 32 bits. */
  READ: 8,
  /** 1: the terminal at stdin raw, 0: as it was. 32 bits. */
  RAW: 9,
  /** 1: send signals, 0: let them do what they do. 32 bits. */
  CATCH: 10,
  /** The exit code, 32 bits. */
  EXIT: 11,
} as const

export type FrameType = (typeof FRAME)[keyof typeof FRAME]

const HEADER_BYTES = 8
const little = endianness() === 'LE'

const readNumber = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))

function header(type: FrameType, bytes: number): Buffer {
  return Buffer.from(new Uint32Array([type, bytes]).buffer)
}

/** Where frames wait for the end of this turn of the event loop: each write would wake the launcher anew. */
const corked = new WeakSet<Socket>()

function corkForThisTurn(socket: Socket): void {
  if (corked.has(socket)) return
  corked.add(socket)
  socket.cork()
  setImmediate(() => {
    corked.delete(socket)
    socket.uncork()
  })
}

/** Sends bytes. False: no more of them before the socket's 'drain'. */
export function sendBytes(socket: Socket, type: FrameType, bytes: Uint8Array): boolean {
  corkForThisTurn(socket)
  socket.write(header(type, bytes.length))
  return socket.write(bytes)
}

export function sendNumber(socket: Socket, type: FrameType, value: number): void {
  sendBytes(socket, type, Buffer.from(new Uint32Array([value]).buffer))
}

export interface Frame {
  readonly type: number
  readonly payload: Buffer
}

/** Puts frames together again from what arrives in pieces. */
export class FrameReader {
  #pieces: Buffer[] = []
  #held = 0

  /** The frames that are complete with this piece. @throws RangeError for a frame that no launcher sends */
  take(piece: Buffer, largest: number): Frame[] {
    this.#pieces.push(piece)
    this.#held += piece.length
    const frames: Frame[] = []
    for (;;) {
      if (this.#held < HEADER_BYTES) return frames
      if ((this.#pieces[0]?.length ?? 0) < HEADER_BYTES) this.#join()
      const bytes = readNumber(this.#pieces[0] as Buffer, 4)
      if (bytes > largest) throw new RangeError(`a frame of ${bytes} bytes`)
      if (this.#held < HEADER_BYTES + bytes) return frames
      const all = this.#join()
      frames.push({ type: readNumber(all, 0), payload: all.subarray(HEADER_BYTES, HEADER_BYTES + bytes) })
      const rest = all.subarray(HEADER_BYTES + bytes)
      this.#pieces = rest.length > 0 ? [rest] : []
      this.#held = rest.length
    }
  }

  #join(): Buffer {
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all
  }
}
