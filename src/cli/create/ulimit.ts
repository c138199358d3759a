/** --ulimit name=soft[:hard]. Source: getrlimit(2); -1 is unlimited. */

const NAMES = new Set([
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
])

export interface Ulimit {
  readonly Name: string
  readonly Soft: number
  readonly Hard: number
}

/** @throws Error in Docker's words */
export function parseUlimit(text: string): Ulimit {
  const [name = '', limits, ...rest] = text.split('=')
  if (!limits || rest.length > 0) throw new Error(`invalid ulimit argument: ${text}`)
  if (!NAMES.has(name)) throw new Error(`invalid ulimit type: ${name}`)
  const parts = limits.split(':')
  if (parts.length > 2)
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``)
  const [soft = 0, hard = soft] = parts.map(part => {
    if (!/^-?\d+$/.test(part)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`)
    return Number(part)
  })
  if (hard !== -1) {
    if (soft === -1)
      throw new Error(`ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`)
    if (soft > hard) throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`)
  }
  return { Name: name, Soft: soft, Hard: hard }
}
