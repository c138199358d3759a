/** Frames on a shim's sockets, from bytes and to bytes; see FRAME in src/program/abi.ts. */

import { formatNs } from '../../kernel/clock.ts'
import { EXITED, FAILED, FRAME, FRAME_HEADER, REPORT, RESIZE, SIGNAL, STARTED } from '../../program/abi.ts'
import type { StepReport } from '../../program/step.ts'
import type { FailureReport } from './failure.ts'
import { exitRecord } from './records.ts'
import type { ExitRecord, LaunchReports, StartedRecord } from './types.ts'

export interface Frame {
  type: number
  payload: Buffer
}

export function encodeFrame(type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(FRAME_HEADER.bytes)
  FRAME_HEADER.write(header, 0, { type, bytes: payload.length })
  return Buffer.concat([header, payload])
}

export function resizeFrame(rows: number, columns: number): Buffer {
  const payload = Buffer.alloc(RESIZE.bytes)
  RESIZE.write(payload, 0, { rows, columns })
  return encodeFrame(FRAME.RESIZE, payload)
}

export function signalFrame(number: number): Buffer {
  const payload = Buffer.alloc(SIGNAL.bytes)
  SIGNAL.write(payload, 0, { number })
  return encodeFrame(FRAME.SIGNAL, payload)
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The frames that are complete with these bytes. */
  push(bytes: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const frames: Frame[] = []
    while (this.#rest.length >= FRAME_HEADER.bytes) {
      const header = FRAME_HEADER.read(this.#rest, 0)
      const end = FRAME_HEADER.bytes + header.bytes
      if (this.#rest.length < end) break
      frames.push({ type: header.type, payload: this.#rest.subarray(FRAME_HEADER.bytes, end) })
      this.#rest = this.#rest.subarray(end)
    }
    return frames
  }
}

export function decodeStarted(payload: Buffer): { started: StartedRecord; reports: LaunchReports } {
  const header = STARTED.read(payload, 0)
  return {
    started: {
      pid: header.pid,
      startTicks: String(header.start_ticks),
      shimPid: header.shim_pid,
      startedAt: formatNs(header.time_ns),
    },
    reports: decodeReports(payload, STARTED.bytes, header.before_reports, header.main_reports),
  }
}

export function decodeFailed(payload: Buffer): FailureReport {
  const header = FAILED.read(payload, 0)
  return {
    stage: header.stage,
    errno: header.error,
    waitStatus: header.wait_status,
    reports: decodeReports(payload, FAILED.bytes, header.before_reports, header.main_reports),
  }
}

export function decodeExited(payload: Buffer): ExitRecord {
  const header = EXITED.read(payload, 0)
  return exitRecord({
    pid: header.pid,
    waitStatus: header.wait_status,
    finishedAt: formatNs(header.time_ns),
    logEntriesLost: Number(header.log_entries_lost),
  })
}

/** Decoded when somebody asks, which for a start that succeeds is nobody but `explain`. */
function decodeReports(payload: Buffer, at: number, before: number, main: number): LaunchReports {
  // A copy: a frame is a part of a larger buffer, which would be kept with it.
  const bytes = Buffer.from(payload.subarray(at, at + (before + main) * REPORT.bytes))
  const decode = (from: number, to: number): StepReport[] =>
    Array.from({ length: to - from }, (_, index) => {
      const { step, result, duration_ns } = REPORT.read(bytes, (from + index) * REPORT.bytes)
      return { step, result, durationNs: Number(duration_ns) }
    })
  return {
    get before() {
      return decode(0, before)
    },
    get main() {
      return decode(before, before + main)
    },
  }
}
