/** Values as text. Source: Go, package fmt, the verbs %v %s %d %q %x %t and their flags. */

import { isObject, LazyStruct, sortedEntries, toJson } from './values.ts'

/** %v: what an action prints. */
export function show(value: unknown): string {
  if (value === undefined) return '<no value>'
  if (value === null) return '<nil>'
  if (typeof value === 'number') return showNumber(value)
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`
  if (value instanceof Map)
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${show(item)}`)
      .join(' ')}]`
  if (value instanceof LazyStruct) return toJson(value)
  if (isObject(value)) return `{${Object.values(value).map(show).join(' ')}}`
  return String(value)
}

/** Integers in full; other numbers as Go's %v: exponents from 1e21 on and below 1e-4. */
function showNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value)
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** The directives of printf. A wrong one is shown, as Go shows it, and is no error. */
export function printf(format: string, args: readonly unknown[]): string {
  const rest = [...args]
  const text = format.replace(
    /%([-+# 0]*)(\d+|\*)?(?:\.(\d+))?(.|$)/gsu,
    (_, flags: string, width: string, precision: string, verb: string) => {
      if (verb === '%') return '%'
      if (verb === '') return '%!(NOVERB)'
      const room = width === '*' ? Number(rest.shift()) : Number(width ?? 0)
      if (rest.length === 0) return `%!${verb}(MISSING)`
      const shown = directive(verb, rest.shift(), precision === undefined ? undefined : Number(precision), flags)
      return pad(shown, room, flags, verb)
    },
  )
  return rest.length === 0 ? text : `${text}%!(EXTRA ${rest.map(item => `${goType(item)}=${show(item)}`).join(', ')})`
}

function pad(text: string, room: number, flags: string, verb: string): string {
  const missing = room - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0') || !/[dfxXbot]/.test(verb)) return ' '.repeat(missing) + text
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  return sign + '0'.repeat(missing) + digits
}

function directive(verb: string, value: unknown, precision: number | undefined, flags: string): string {
  const wrong = () => `%!${verb}(${goType(value)}=${show(value)})`
  switch (verb) {
    case 'v':
      return flags.includes('#') && typeof value === 'string' ? JSON.stringify(value) : show(value)
    case 's':
      if (typeof value === 'number' || typeof value === 'boolean') return wrong()
      return [...show(value)].slice(0, precision).join('')
    case 'q':
      return typeof value === 'number' ? `'${String.fromCodePoint(value)}'` : JSON.stringify(show(value))
    case 't':
      return typeof value === 'boolean' ? String(value) : wrong()
    case 'T':
      return goType(value)
    case 'd':
      return typeof value === 'number'
        ? (flags.includes('+') && value >= 0 ? '+' : '') + showNumber(Math.trunc(value))
        : wrong()
    case 'f':
      return typeof value === 'number' ? value.toFixed(precision ?? 6) : wrong()
    case 'c':
      return typeof value === 'number' ? String.fromCodePoint(value) : wrong()
    case 'x':
    case 'X':
      return hexadecimal(value, verb) ?? wrong()
    case 'o':
    case 'b':
      return typeof value === 'number' ? value.toString(verb === 'o' ? 8 : 2) : wrong()
    default:
      return wrong()
  }
}

function hexadecimal(value: unknown, verb: 'x' | 'X'): string | undefined {
  const text =
    typeof value === 'number'
      ? value.toString(16)
      : typeof value === 'string'
        ? Buffer.from(value).toString('hex')
        : undefined
  return verb === 'X' ? text?.toUpperCase() : text
}

/** The type as Go would name it. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (Array.isArray(value)) return '[]interface {}'
  if (value instanceof LazyStruct) return value.typeName
  return 'map[string]interface {}'
}
