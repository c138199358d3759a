/**
 * To whom a container's log is sent besides its file: found and tried before the container starts, as Docker does, so that a wrong
 * address is told to whoever starts it. Sending is the shim's part (native/shim/forward.c).
 */

import { hostname } from 'node:os'
import { SkiffError, Unavailable } from '../../kernel/errors.ts'
import { connectUnix, unixAddress } from '../../kernel/sockets.ts'
import type { ForwardOptions } from '../../runtime/shim/types.ts'
import type { ConfigRecord } from '../store/record.ts'
import { extraAttributes, tagOf } from './attributes.ts'
import { delivery } from './config.ts'
import { syslogFacility, syslogFormat } from './syslog-options.ts'
import { findSyslog } from './syslog-server.ts'

export interface ForwardSettings {
  /** The journal's native socket. */
  journalSocket: string
}

/** To Docker it is the server's failure, not the request's. */
export class LogDriverFailed extends SkiffError {}

/** null: the log stays here. @throws LogDriverFailed: the container is not started */
export async function forwardOf(record: ConfigRecord, settings: ForwardSettings): Promise<ForwardOptions | null> {
  const { type } = record.hostConfig.logConfig
  if (type !== 'syslog' && type !== 'journald') return null
  try {
    return type === 'syslog' ? await toSyslog(record) : toJournal(record, settings)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new LogDriverFailed(`failed to initialize logging driver: ${reason}`, { cause: error })
  }
}

/** What a message has before and after the process id: native/shim/forward-message.c. */
async function toSyslog(record: ConfigRecord): Promise<ForwardOptions> {
  const { config } = record.hostConfig.logConfig
  const format = syslogFormat(config)
  const tag = tagOf(config, record)
  const [before, after] = {
    UNIX: [`${tag}[`, ']: '],
    RFC3164: [`${hostname()} ${tag}[`, ']: '],
    RFC5424: [`${hostname()} ${tag} `, ` ${tag} - `],
    RFC5424_MICRO: [`${hostname()} ${tag} `, ` ${tag} - `],
    JOURNAL: ['', ''],
  }[format] as [string, string]
  return {
    format,
    facility: syslogFacility(config),
    ...(await findSyslog(config)),
    ...delivery(config),
    utcOffsetSeconds: -new Date().getTimezoneOffset() * 60,
    before: Buffer.from(before),
    after: Buffer.from(after),
  }
}

function toJournal(record: ConfigRecord, { journalSocket }: ForwardSettings): ForwardOptions {
  const { config } = record.hostConfig.logConfig
  if (connectUnix(journalSocket, 'datagram') !== null) throw new Unavailable('journald is not enabled on this host')
  return {
    format: 'JOURNAL',
    facility: 0,
    socketType: 'datagram',
    address: unixAddress(journalSocket),
    ...delivery(config),
    utcOffsetSeconds: 0,
    before: journalFields(record),
    after: Buffer.alloc(0),
  }
}

/** Docker's documentation, "Journald logging driver". */
function journalFields(record: ConfigRecord): Buffer {
  const { id, name, config, hostConfig } = record
  const options = hostConfig.logConfig.config
  const tag = tagOf(options, record)
  const extra = Object.entries(extraAttributes(options, record))
    .map(([key, value]): [string, string] => [fieldName(key), value])
    .filter(([key]) => key !== '')
  const fields: [string, string][] = [
    ...extra,
    ['CONTAINER_ID', id.slice(0, 12)],
    ['CONTAINER_ID_FULL', id],
    ['CONTAINER_NAME', name],
    ['CONTAINER_TAG', tag],
    ['IMAGE_NAME', config.image],
    ['SYSLOG_IDENTIFIER', tag],
  ]
  return Buffer.concat(fields.map(([key, value]) => journalField(key, Buffer.from(value))))
}

/** Letters, digits and underscores, and no underscore in front: those fields are the journal's own. */
const fieldName = (key: string): string =>
  key
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '')

/** https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: a value with a newline is told by its length. */
function journalField(name: string, value: Buffer): Buffer {
  if (!value.includes('\n')) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(value.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')])
}
