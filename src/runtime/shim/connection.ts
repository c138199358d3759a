/** A control connection to a shim: what it tells, and what it is asked for. The protocol is drawn in shim.ts. */

import { closeSync, constants, openSync } from 'node:fs'
import { connect, Socket } from 'node:net'
import { socketPath } from '../../kernel/sockets.ts'
import { FRAME } from '../../program/abi.ts'
import type { FailureReport } from './failure.ts'
import {
  decodeExited,
  decodeFailed,
  decodeStarted,
  encodeFrame,
  FrameReader,
  resizeFrame,
  signalFrame,
} from './frames.ts'
import { SOCKET_FILE } from './records.ts'
import type { ExitRecord, LaunchReports, StartedRecord } from './types.ts'

export interface ControlEvents {
  started(started: StartedRecord, reports: LaunchReports): void
  failed(report: FailureReport): void
  exited(exit: ExitRecord): void
  rotated(): void
  /** The shim is gone, or has dropped this connection. Always last, and always called once (but for release()). */
  closed(): void
}

export class ControlConnection {
  #socket: Socket
  #events: ControlEvents
  #reader = new FrameReader()

  constructor(socket: Socket, events: ControlEvents) {
    this.#socket = socket
    this.#events = events
    socket.on('data', bytes => this.#receive(bytes))
    // A shim that ends while something is being written to it is as good as one that ends.
    socket.on('error', () => {})
    socket.on('close', () => this.#events.closed())
  }

  /** On our end of the socket pair that a shim is born with. Takes the descriptor over. */
  static inherit(fd: number, events: ControlEvents): ControlConnection {
    return new ControlConnection(new Socket({ fd, readable: true, writable: true }), events)
  }

  /** To a shim that another daemon started. Rejects with ENOENT or ECONNREFUSED when there is none. */
  static async connect(runDir: string, events: ControlEvents): Promise<ControlConnection> {
    const socket = await connectShim(runDir)
    socket.write(encodeFrame(FRAME.CONTROL))
    return new ControlConnection(socket, events)
  }

  resize(rows: number, columns: number): void {
    this.#send(resizeFrame(rows, columns))
  }

  closeStdin(): void {
    this.#send(encodeFrame(FRAME.CLOSE_STDIN))
  }

  rotationSeen(): void {
    this.#send(encodeFrame(FRAME.ROTATION_SEEN))
  }

  signal(number: number): void {
    this.#send(signalFrame(number))
  }

  /** Ends the connection without being told of it. */
  release(): void {
    this.#events = { started() {}, failed() {}, exited() {}, rotated() {}, closed() {} }
    this.#socket.destroy()
  }

  #send(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(frame)
  }

  #receive(bytes: Buffer): void {
    for (const { type, payload } of this.#reader.push(bytes)) {
      if (type === FRAME.STARTED) {
        const { started, reports } = decodeStarted(payload)
        this.#events.started(started, reports)
      } else if (type === FRAME.FAILED) this.#events.failed(decodeFailed(payload))
      else if (type === FRAME.ROTATED) this.#events.rotated()
      else if (type === FRAME.EXITED) this.#events.exited(decodeExited(payload))
    }
  }
}

/** A connection to the socket in a run folder, however long the folder's path is. */
export async function connectShim(runDir: string): Promise<Socket> {
  const folder = openSync(runDir, constants.O_DIRECTORY | constants.O_RDONLY)
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: socketPath(folder, SOCKET_FILE) })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(socket)
      })
    })
  } finally {
    closeSync(folder)
  }
}
