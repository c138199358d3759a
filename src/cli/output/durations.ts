/** Durations and moments for people, in the words of Docker and Go. */

const SECOND = 1
const MINUTE = 60
const HOUR = 3600
const DAY_HOURS = 24

/** "3 minutes", "About an hour": a duration in seconds. */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds)
  if (whole < SECOND) return 'Less than a second'
  if (whole === SECOND) return '1 second'
  if (whole < MINUTE) return `${whole} seconds`
  const minutes = Math.trunc(seconds / MINUTE)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.trunc(seconds / HOUR + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 2 * DAY_HOURS) return `${hours} hours`
  const days = hours / DAY_HOURS
  if (days < 14) return `${Math.trunc(days)} days`
  if (days < 60) return `${Math.trunc(days / 7)} weeks`
  if (days < 2 * 365) return `${Math.trunc(days / 30)} months`
  return `${Math.trunc(Math.trunc(seconds / HOUR) / DAY_HOURS / 365)} years`
}

/** "3 minutes ago" for a moment in seconds since 1970. */
export const ago = (moment: number, now = Date.now() / 1000): string => `${humanDuration(now - moment)} ago`

/** 2026-11-21 10:04:02 +0000 UTC: a moment in seconds since 1970, as Go prints a time, in the local zone. */
export function goTime(moment: number): string {
  const date = new Date(moment * 1000)
  return `${localDate(date)} ${localClock(date)} ${offset(date, '')} ${zoneName(date)}`
}

/** 2026-11-21T10:04:02Z: RFC 3339 in the local zone. */
export const rfc3339 = (date: Date, fraction = ''): string =>
  `${localDate(date)}T${localClock(date)}${fraction}${offsetOrZ(date)}`

/** 2026-11-21 10:05:55.042086416 +0000 UTC: a time of the API as Go prints it, in UTC. */
export const goTimestamp = (iso: string): string => {
  const [, day, clock, fraction = ''] = /^(.*)T(.{8})(\.\d+)?/.exec(iso) ?? []
  return day === undefined ? iso : `${day} ${clock}${fraction.replace(/\.?0+$/, '')} +0000 UTC`
}

const two = (number: number): string => String(number).padStart(2, '0')
const localDate = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
const localClock = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`

function offset(date: Date, colon: string): string {
  const minutes = -date.getTimezoneOffset()
  const positive = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(positive / 60))}${colon}${two(positive % 60)}`
}
const offsetOrZ = (date: Date): string => (date.getTimezoneOffset() === 0 ? 'Z' : offset(date, ':'))

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC'
}

const UNITS_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** 1h30m, 2.5s, 100ms: nanoseconds. @throws Error in Go's words */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text)
  const [, sign, rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  if (rest === '0') return 0
  if (rest === '') throw new Error(`time: invalid duration ${quoted}`)
  let total = 0
  let left = rest
  while (left) {
    const match = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(left)
    if (!match) throw new Error(`time: invalid duration ${quoted}`)
    const [taken, number = '', unit = ''] = match
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`)
    const scale = UNITS_NS[unit]
    if (scale === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`)
    total += Number(number) * scale
    left = left.slice(taken.length)
  }
  return sign === '-' ? -total : total
}

/** 1h30m0s: as Go prints nanoseconds. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < 1e3) return `${nanoseconds}ns`
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`
  const hours = Math.trunc(nanoseconds / 3600e9)
  const minutes = Math.trunc((nanoseconds % 3600e9) / 60e9)
  const seconds = (nanoseconds % 60e9) / 1e9
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Fri May 30 12:07:14 2025: ctime(3) of a moment in ISO 8601, in UTC. What is no moment stays as it is. */
export function goDate(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const day = String(date.getUTCDate()).padStart(2, ' ')
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)} ${date.getUTCFullYear()}`
}
