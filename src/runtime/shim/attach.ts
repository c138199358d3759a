/** Clients of a process's streams: before it is started (a socket pair) and while it runs (a connection to its shim). */

import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { KernelError, Unavailable } from '../../kernel/errors.ts'
import { socketPair } from '../../kernel/sockets.ts'
import { ATTACHED, FRAME, FRAME_HEADER } from '../../program/abi.ts'
import { connectShim } from './connection.ts'
import { encodeFrame } from './frames.ts'
import { encodeAttachRequest } from './launch.ts'
import type { AttachOptions, PreparedAttach } from './types.ts'

const ANSWER_BYTES = FRAME_HEADER.bytes + ATTACHED.bytes

/** A client that is there before the process: nothing of its output is lost. */
export function prepareAttach(options: AttachOptions): PreparedAttach {
  const [ours, theirs] = socketPair()
  const stream = new Socket({ fd: ours, readable: true, writable: true })
  tolerateTheEnd(stream)
  let open = true
  const handOver = (): void => {
    if (open) closeSync(theirs)
    open = false
  }
  return {
    stream,
    options,
    fd: theirs,
    handOver,
    abandon() {
      handOver()
      stream.destroy()
    },
  }
}

/**
 * Attaches to a process that runs. Resolves when in place. The stream ends when the process has ended and all its output
 * was delivered, or when the client types its detach keys. @throws Unavailable: the shim is gone.
 */
export async function attachToShim(runDir: string, options: AttachOptions): Promise<Duplex> {
  const socket = await connectShim(runDir).catch(cause => {
    throw new Unavailable('the process has ended', { cause })
  })
  tolerateTheEnd(socket)
  socket.write(encodeFrame(FRAME.ATTACH, encodeAttachRequest(options)))
  const answer = await readExactly(socket, ANSWER_BYTES)
  if (answer === null) throw new Unavailable('the process has ended, or too many clients are attached to it')
  const { error } = ATTACHED.read(answer, FRAME_HEADER.bytes)
  if (error === 0) return socket
  socket.destroy()
  throw new KernelError('attach', error)
}

/** A process that ends while a client is still sending to it resets nothing of what the client has to read. */
function tolerateTheEnd(socket: Socket): void {
  socket.on('error', () => {})
}

/** The first bytes, and not one more; null: the stream has ended before. */
function readExactly(socket: Socket, bytes: number): Promise<Buffer | null> {
  return new Promise(resolve => {
    const settle = (answer: Buffer | null): void => {
      socket.off('readable', tryToRead)
      socket.off('close', onClose)
      resolve(answer)
    }
    const tryToRead = (): void => {
      const answer = socket.read(bytes) as Buffer | null
      if (answer !== null) settle(answer.length === bytes ? answer : null)
    }
    const onClose = (): void => settle(null)
    socket.on('readable', tryToRead)
    socket.on('close', onClose)
    tryToRead()
  })
}
