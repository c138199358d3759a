/** A shim that a daemon is connected to. */

import type { Duplex } from 'node:stream'
import { attachToShim } from './attach.ts'
import type { ControlConnection } from './connection.ts'
import { ShimLost } from './failure.ts'
import { readExitRecord } from './records.ts'
import type { AttachOptions, ExitRecord, LaunchReports, ShimHandle, StartedRecord } from './types.ts'

export class RunningShim implements ShimHandle {
  readonly exited: Promise<ExitRecord>
  #ended = false
  #onRotated: (() => void) | null = null
  #settle!: { resolve(exit: ExitRecord): void; reject(error: Error): void }

  constructor(
    private readonly runDir: string,
    private readonly control: ControlConnection,
    readonly started: StartedRecord,
    readonly reports: LaunchReports,
  ) {
    this.exited = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Who does not ask for the end need not handle that it went wrong.
    this.exited.catch(() => {})
  }

  attach(options: AttachOptions): Promise<Duplex> {
    return attachToShim(this.runDir, options)
  }

  resize(rows: number, columns: number): void {
    this.control.resize(rows, columns)
  }

  closeStdin(): void {
    this.control.closeStdin()
  }

  signal(signal: number): void {
    this.control.signal(signal)
  }

  onRotated(call: () => void): void {
    this.#onRotated = call
  }

  /** The shim told of it. It tells of the next rotation when it knows that this one was seen. */
  rotated(): void {
    this.control.rotationSeen()
    this.#onRotated?.()
  }

  release(): void {
    this.control.release()
  }

  /** The shim told of the end. */
  onExited(exit: ExitRecord): void {
    this.#ended = true
    this.#settle.resolve(exit)
  }

  /** The connection has ended: if the shim could not tell, its record does. */
  async onClosed(): Promise<void> {
    if (this.#ended) return
    try {
      const exit = await readExitRecord(this.runDir)
      if (exit !== null) this.#settle.resolve(exit)
      else this.#settle.reject(new ShimLost(`the shim of process ${this.started.pid} is gone, without an exit record`))
    } catch (error) {
      this.#settle.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
