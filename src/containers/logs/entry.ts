/**
 * One line of a json-file log: {"log":"…\n","stream":"stdout","attrs":{…},"time":"2026-11-21T09:31:53.146635399Z"}.
 * Docker calls this format json-file and documents it under "Configure logging drivers".
 */

import { formatNs, parseNs } from '../../kernel/clock.ts'

export interface LogEntry {
  text: string
  stream: 'stdout' | 'stderr'
  timeNs: bigint
  attributes: Record<string, string>
}

/** null: the line is not whole, as the last one may be after a power cut. */
export function parseEntry(line: string): LogEntry | null {
  try {
    const { log, stream, time, attrs } = JSON.parse(line) as Record<string, unknown>
    if (typeof log !== 'string' || typeof time !== 'string') return null
    const attributes = typeof attrs === 'object' && attrs !== null ? (attrs as Record<string, string>) : {}
    return { text: log, stream: stream === 'stderr' ? 'stderr' : 'stdout', timeNs: parseNs(time) ?? 0n, attributes }
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

const HEADER_BYTES = 8
const STREAM_NUMBER = { stdout: 1, stderr: 2 } as const

/** Docker's frame: the stream's number, three zeros, the length (big-endian), the bytes. Raw where there is a terminal. */
export function frame(payload: Buffer, stream: 'stdout' | 'stderr', tty: boolean): Buffer {
  if (tty) return payload
  const framed = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  framed.writeUInt32BE(STREAM_NUMBER[stream] << 24, 0)
  framed.writeUInt32BE(payload.length, 4)
  payload.copy(framed, HEADER_BYTES)
  return framed
}

export interface Shown {
  timestamps: boolean
  details: boolean
}

/** The entry as a client sees it: time and attributes in front, as asked for. */
export function render({ text, timeNs, attributes }: LogEntry, { timestamps, details }: Shown): Buffer {
  const time = timestamps ? `${formatNs(timeNs)} ` : ''
  const attrs = details ? `${formatAttributes(attributes)} ` : ''
  return Buffer.from(`${time}${attrs}${text}`)
}

/** 'a=1,b=2', sorted by name and with what could be mistaken escaped. */
const formatAttributes = (attributes: Record<string, string>): string =>
  Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join(',')
