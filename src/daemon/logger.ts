/** The daemon's own log, on stderr: for people at a terminal, JSON for everything else. */

import { type Logger, pino } from 'pino'

const LEVEL_NAMES: Record<number, string> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}

/** Written at once: what happened just before a crash is what one wants to read. */
export function createLogger({ level, debug }: { level: string; debug: boolean }): Logger {
  const chosen = level === 'panic' ? 'fatal' : level || (debug ? 'debug' : 'info')
  const options = { level: chosen, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }
  if (!process.stderr.isTTY) {
    const destination = pino.destination({ dest: 2, sync: true })
    // A full disk, or a reader that has gone, takes the log and nothing else with it.
    destination.on('error', () => {})
    return pino(options, destination)
  }
  return pino(options, { write: line => process.stderr.write(forPeople(line)) })
}

/** `09:31:53.146 WARN  a container could not be restarted container=3f… err=…` */
function forPeople(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const { stack, message } = (err ?? {}) as { stack?: string; message?: string }
  const error = err === undefined ? '' : `\n  ${stack ?? message ?? ''}`
  const name = LEVEL_NAMES[Number(level)] ?? String(level)
  return `${String(time).slice(11, 23)} ${name.padEnd(5)} ${[String(msg ?? ''), ...fields].join(' ')}${error}\n`
}
