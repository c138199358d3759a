/** Sizes for people, in Docker's spelling. */

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB']
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB']

/** 1.29MB: powers of 1000, so many significant digits. */
export const humanSize = (bytes: number, digits = 4): string => scaled(bytes, 1000, DECIMAL, digits)

/** 1.23MiB: powers of 1024. */
export const binarySize = (bytes: number, digits = 4): string => scaled(bytes, 1024, BINARY, digits)

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return significant(value, digits) + units[unit]
}

/** Go's %.4g: no trailing zeros, an exponent of two digits when the integer part has more digits than asked for. */
export function significant(value: number, digits: number): string {
  if (value === 0) return '0'
  const [mantissa = '', exponent] = value.toPrecision(digits).split('e')
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
  if (exponent === undefined) return short
  return `${short}e${exponent.startsWith('-') ? '-' : '+'}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`
}

/** 64m, 1.5GB, 512: bytes. Units are powers of 1024, with or without a b or ib. @throws Error in Docker's words */
export function parseSize(text: string): number {
  const match = /^(.*?)(?: ?)([a-z]*)$/is.exec(text)
  const [, number = '', suffix = ''] = match ?? []
  if (!/^[+]?(\d+\.?\d*|\.\d+)$/.test(number)) throw new Error(`invalid size: '${text}'`)
  if (suffix === '') return Math.trunc(Number(number))
  const power = 'bkmgtp'.indexOf(suffix.charAt(0).toLowerCase())
  if (power < 0 || !/^(b|[kmgtp](i?b)?)$/i.test(suffix)) throw new Error(`invalid suffix: '${suffix}'`)
  return Math.trunc(Number(number) * 1024 ** power)
}
