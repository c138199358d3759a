/** Lengths of time and sizes as Docker writes them for people. github.com/docker/go-units is what its clients compare with. */

const MINUTE = 60
const HOUR = 60 * MINUTE

/** 'Less than a second', '3 minutes', 'About an hour', '2 weeks'. */
export function humanDuration(seconds: number): string {
  if (seconds < 1) return 'Less than a second'
  if (seconds < 2) return '1 second'
  if (seconds < MINUTE) return `${Math.floor(seconds)} seconds`
  const minutes = Math.floor(seconds / MINUTE)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.floor(seconds / HOUR + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(seconds / HOUR / 24 / 365)} years`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Four significant digits: '1.983MB'. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`
}
