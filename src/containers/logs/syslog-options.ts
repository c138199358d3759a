/** The options of the driver `syslog`: where to, as what, in which format. Docker's documentation, "Syslog logging driver". */

import { statSync } from 'node:fs'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import type { ForwardOptions } from '../../runtime/shim/types.ts'

/** syslog(3); the numbers as in RFC 5424, section 6.2.1. */
const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
]
const DEFAULT_FACILITY = 'daemon'

const FORMATS: Record<string, ForwardOptions['format']> = {
  '': 'UNIX',
  rfc3164: 'RFC3164',
  rfc5424: 'RFC5424',
  rfc5424micro: 'RFC5424_MICRO',
}

export type SyslogAddress =
  /** Where the host's own syslog is. */
  { kind: 'local' } | { kind: 'unix' | 'unixgram'; path: string } | { kind: 'tcp' | 'udp'; host: string; port: number }

const PORT = 514

/** @throws InvalidParameter */
export function checkSyslogOptions(config: Record<string, string>): void {
  const address = syslogAddress(config)
  if ('path' in address) mustExist(address.path)
  const tls = Object.keys(config).find(name => name.startsWith('syslog-tls-'))
  if (tls !== undefined) throw new InvalidParameter(`log opt '${tls}' is not supported: skiff sends syslog without TLS`)
  syslogFacility(config)
  syslogFormat(config)
}

/** @throws InvalidParameter */
export function syslogFacility({ 'syslog-facility': name = DEFAULT_FACILITY }: Record<string, string>): number {
  const number = /^\d+$/.test(name) ? Number(name) : FACILITIES.indexOf(name === '' ? DEFAULT_FACILITY : name)
  if (number < 0 || number >= FACILITIES.length) throw new InvalidParameter('invalid syslog facility')
  return number
}

/** @throws InvalidParameter */
export function syslogFormat({ 'syslog-format': name = '' }: Record<string, string>): ForwardOptions['format'] {
  const format = FORMATS[name]
  if (format === undefined) throw new InvalidParameter('Invalid syslog format')
  return format
}

/** @throws InvalidParameter */
export function syslogAddress({ 'syslog-address': text = '' }: Record<string, string>): SyslogAddress {
  if (text === '') return { kind: 'local' }
  const [, kind, rest = ''] = /^([a-z+]+):\/\/(.*)$/s.exec(text) ?? []
  switch (kind) {
    case 'unix':
    case 'unixgram':
      return { kind, path: rest }
    case 'tcp':
    case 'udp':
      return { kind, ...hostAndPort(rest) }
    case 'tcp+tls':
      throw new InvalidParameter('syslog-address tcp+tls:// is not supported: skiff sends syslog without TLS')
    default:
      throw new InvalidParameter(`syslog-address should be in form proto://address, got ${text}`)
  }
}

function hostAndPort(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?\/?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const number = port === undefined ? PORT : Number(port)
  if (host === undefined || number > 65535) {
    throw new InvalidParameter(`syslog-address should be in form proto://address, got ${text}`)
  }
  return { host: host === '' ? 'localhost' : host, port: number }
}

function mustExist(path: string): void {
  try {
    statSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
    throw new InvalidParameter(`stat ${path}: no such file or directory`, { cause: error })
  }
}
