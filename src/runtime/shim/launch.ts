/** From a ShimLaunch to the sealed record that the shim reads; the layout is LAUNCH_HEADER in src/program/abi.ts. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { sealedMemfd } from '../../kernel/memfd.ts'
import {
  ATTACH,
  ATTACH_LIMITS,
  ATTACH_REQUEST,
  FORWARD_FORMAT,
  LAUNCH,
  LAUNCH_HEADER,
  LOG_FORWARD,
  LOG_LIMITS,
  SHIM_FD,
} from '../../program/abi.ts'
import { encodeProgram } from '../../program/encoding.ts'
import type { AttachOptions, ForwardOptions, LogOptions, ShimLaunch } from './types.ts'

const ALIGNMENT = 8
const NO_FD = -1

/** Descriptors of the daemon that the shim gets besides the fixed ones. */
export interface OptionalFds {
  logFolder: number | null
}

export interface EncodedLaunch {
  record: Buffer
  /** In the order in which they follow SHIM_FD's fixed ones. */
  fds: number[]
}

export function encodeLaunch(launch: ShimLaunch, { logFolder }: OptionalFds): EncodedLaunch {
  const fds: number[] = []
  const place = (list: readonly number[]): number => {
    const first = list.length === 0 ? NO_FD : SHIM_FD.FIRST_OPTIONAL + fds.length
    fds.push(...list)
    return first
  }
  const parts = new Parts(LAUNCH_HEADER.bytes)
  const attached = parts.add(Buffer.concat(launch.attach.map(client => encodeAttachRequest(client.options))))
  const before = parts.add(launch.before ? encodeProgram(launch.before) : Buffer.alloc(0))
  const main = parts.add(encodeProgram(launch.program))
  const logName = parts.add(launch.log ? encodeLogName(launch.log) : Buffer.alloc(0))
  const logAttributes = parts.add(launch.log ? encodeAttributes(launch.log.attributes) : Buffer.alloc(0))

  const forward = parts.add(launch.forward ? encodeForward(launch.forward) : Buffer.alloc(0))

  const header = Buffer.alloc(LAUNCH_HEADER.bytes)
  LAUNCH_HEADER.write(header, 0, {
    magic: LAUNCH.MAGIC,
    version: LAUNCH.VERSION,
    total_bytes: parts.end,
    flags: launchFlags(launch),
    clone_flags: BigInt(launch.cloneFlags >>> 0),
    log_folder: logFolder === null ? NO_FD : place([logFolder]),
    cgroup: launch.cgroupIntoFd === undefined ? NO_FD : place([launch.cgroupIntoFd]),
    first_attached: place(launch.attach.map(client => client.fd)),
    attached: launch.attach.length,
    first_passed: place(launch.passedFds),
    passed: launch.passedFds.length,
    before_at: before.at,
    before_bytes: before.bytes,
    main_at: main.at,
    main_bytes: main.bytes,
    log_name_at: logName.at,
    log_name_bytes: logName.bytes,
    log_attributes_at: logAttributes.at,
    log_attributes_bytes: logAttributes.bytes,
    log_max_bytes: BigInt(launch.log?.maxBytes ?? 0),
    log_max_files: launch.log?.maxFiles ?? 1,
    reserved: 0,
    log_forward_at: forward.at,
    log_forward_bytes: forward.bytes,
  })
  if (attached.at !== LAUNCH_HEADER.bytes) throw new Error('the clients follow the header')
  return { record: parts.concat(header), fds }
}

/** The record as a descriptor that cannot be changed between the shim's check and its use. */
export const launchMemfd = (record: Buffer): number => sealedMemfd('skiff-launch', record)

/** Parts of a record, each at a multiple of eight bytes. */
class Parts {
  readonly #parts: Buffer[] = []
  constructor(public end: number) {}

  add(part: Buffer): { at: number; bytes: number } {
    const at = this.end
    const padded = Buffer.alloc(Math.ceil(part.length / ALIGNMENT) * ALIGNMENT)
    padded.set(part)
    this.#parts.push(padded)
    this.end += padded.length
    return { at, bytes: part.length }
  }

  concat(header: Buffer): Buffer {
    return Buffer.concat([header, ...this.#parts], this.end)
  }
}

function launchFlags({ terminal, stdin, log }: ShimLaunch): number {
  return (
    (terminal ? LAUNCH.TTY : 0) |
    (stdin === 'null' ? 0 : LAUNCH.STDIN_OPEN) |
    (stdin === 'once' ? LAUNCH.STDIN_ONCE : 0) |
    (log === null ? 0 : LAUNCH.LOG) |
    (log?.tellRotations ? LAUNCH.TELL_ROTATIONS : 0)
  )
}

export function encodeAttachRequest(options: AttachOptions): Buffer {
  const { detachKeys } = options
  if (detachKeys.length > ATTACH_LIMITS.MAX_KEYS) {
    throw new InvalidParameter(`detach keys: at most ${ATTACH_LIMITS.MAX_KEYS} keys`)
  }
  const request = Buffer.alloc(ATTACH_REQUEST.bytes)
  const flags =
    (options.stdin ? ATTACH.STDIN : 0) |
    (options.stdout ? ATTACH.STDOUT : 0) |
    (options.stderr ? ATTACH.STDERR : 0) |
    (options.framed ? ATTACH.FRAMED : 0)
  ATTACH_REQUEST.write(request, 0, { flags, key_count: detachKeys.length, keys: [...detachKeys] })
  return request
}

function encodeLogName({ name, maxBytes, maxFiles }: LogOptions): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > LOG_LIMITS.MAX_NAME || !/^[^./][^/\0]*$/.test(name)) {
    throw new InvalidParameter(`not a name for a log file: ${JSON.stringify(name)}`)
  }
  if (maxBytes !== null && maxBytes <= 0) throw new InvalidParameter(`max-size must be a positive number`)
  if (!Number.isInteger(maxFiles) || maxFiles < 1) throw new InvalidParameter(`max-file cannot be less than 1`)
  return bytes
}

/** As Go's encoding/json writes a map: sorted keys, HTML escaped. */
function encodeAttributes(attributes: LogOptions['attributes']): Buffer {
  const entries = Object.entries(attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return Buffer.alloc(0)
  const json = JSON.stringify(Object.fromEntries(entries)).replace(
    /[<>&\u2028\u2029]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const bytes = Buffer.from(json)
  if (bytes.length > LOG_LIMITS.MAX_ATTRIBUTES) {
    throw new InvalidParameter(`log attributes: ${bytes.length} bytes are more than ${LOG_LIMITS.MAX_ATTRIBUTES}`)
  }
  return bytes
}

const SOCKET_TYPE = { stream: 1, datagram: 2 } as const

function encodeForward(forward: ForwardOptions): Buffer {
  const { address, before, after } = forward
  for (const text of [before, after]) {
    if (text.length > LOG_LIMITS.MAX_FORWARD_TEXT) {
      throw new InvalidParameter(`log attributes: ${text.length} bytes are more than ${LOG_LIMITS.MAX_FORWARD_TEXT}`)
    }
  }
  const header = Buffer.alloc(LOG_FORWARD.bytes)
  LOG_FORWARD.write(header, 0, {
    format: FORWARD_FORMAT[forward.format],
    facility: forward.facility,
    socket_type: SOCKET_TYPE[forward.socketType],
    blocking: forward.blocking ? 1 : 0,
    buffer_bytes: BigInt(forward.bufferBytes),
    utc_offset_seconds: forward.utcOffsetSeconds,
    address_bytes: address.length,
    address: [...address],
    before_bytes: before.length,
    after_bytes: after.length,
  })
  return Buffer.concat([header, before, after])
}
