/**
 * The log drivers and their options: which there are, and what they must look like. Docker's documentation, "Configure logging
 * drivers". What Docker finds out only when the container starts is refused at its creation here, in the same words.
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { LogConfig } from '../types.ts'
import { checkAttributes } from './attributes.ts'
import { isCached, rotationOf } from './rotation.ts'
import { checkSyslogOptions } from './syslog-options.ts'
import { parseSize, worded } from './values.ts'

/** As `info` lists them: `none` is not a driver to Docker. */
export const LOG_DRIVERS = ['journald', 'json-file', 'local', 'syslog']

const FILES = ['max-file', 'max-size', 'compress']
const ATTRIBUTES = ['labels', 'labels-regex', 'env', 'env-regex', 'tag']
const SYSLOG = ['syslog-address', 'syslog-facility', 'syslog-format']
const SYSLOG_TLS = ['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key', 'syslog-tls-skip-verify']
/** For every driver. */
const GENERAL = ['mode', 'max-buffer-size', 'cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress']

const OPTIONS: Record<string, string[]> = {
  'json-file': [...FILES, ...ATTRIBUTES],
  local: FILES,
  journald: ATTRIBUTES,
  syslog: [...ATTRIBUTES, ...SYSLOG, ...SYSLOG_TLS],
}

/** @throws InvalidParameter */
export function checkLogConfig({ type, config }: LogConfig): void {
  if (type === 'none') return
  const driver = type === '' ? 'json-file' : type
  const known = OPTIONS[driver]
  if (known === undefined) {
    throw new InvalidParameter(`error looking up logging plugin ${type}: plugin "${type}" not found`)
  }
  delivery(config)
  isCached(config)
  for (const name of Object.keys(config)) {
    if (!known.includes(name) && !GENERAL.includes(name)) throw unknownOption(name, driver)
  }
  rotationOf({ type: driver, config })
  checkAttributes(config)
  if (driver === 'syslog') checkSyslogOptions(config)
}

const unknownOption = (name: string, driver: string): InvalidParameter =>
  new InvalidParameter(
    driver === 'local'
      ? `unknown log opt '${name}' for log driver local`
      : `unknown log opt '${name}' for ${driver} log driver`,
  )

/** What may wait for a receiver that is away; Docker's default for `mode=non-blocking`. */
const BUFFER_BYTES = 1024 * 1024

/**
 * The options `mode` and `max-buffer-size`. A file is written at once and needs neither; they are checked all the same.
 * @throws InvalidParameter
 */
export function delivery(config: Record<string, string>): { blocking: boolean; bufferBytes: number } {
  const { mode = '', 'max-buffer-size': size } = config
  if (!['', 'blocking', 'non-blocking'].includes(mode)) {
    throw new InvalidParameter(`logger: logging mode not supported: ${mode}`)
  }
  const blocking = mode !== 'non-blocking'
  if (size === undefined) return { blocking, bufferBytes: BUFFER_BYTES }
  if (blocking) throw new InvalidParameter("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
  return { blocking, bufferBytes: worded('error parsing option max-buffer-size: ', () => parseSize(size, 1024)) }
}
