/** The help of a command, made from its table of flags in Docker's layout. */

import type { Flag, Flags } from './flag.ts'

/** A final word or two may stick out this far rather than stand on a line alone. */
const OVERHANG = 5
/** Narrower than this, descriptions go below their flags. */
const NARROWEST = 24
const NARROW_INDENT = 16

/** The flags, one a line, sorted by name, descriptions aligned and wrapped at `width` columns. */
export function flagLines(flags: Flags, width: number): string {
  const shown = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const heads = shown.map(([name, flag]) => head(name, flag))
  const indent = Math.max(0, ...heads.map(text => text.length)) + 3
  return shown
    .map(([, flag], i) => `${(heads[i] ?? '').padEnd(indent)}${fold(description(flag), indent, width)}\n`)
    .join('')
}

const head = (name: string, flag: Flag<unknown>): string =>
  `${flag.short ? `  -${flag.short}, ` : '      '}--${name}${flag.type ? ` ${flag.type}` : ''}`

const description = (flag: Flag<unknown>): string =>
  flag.shownDefault === undefined ? flag.usage : `${flag.usage} (default ${flag.shownDefault})`

function fold(text: string, indent: number, width: number): string {
  const narrow = width - indent < NARROWEST
  const left = narrow ? NARROW_INDENT : indent
  const lines = text.split('\n').flatMap(line => foldLine(line, width - left - OVERHANG))
  return (narrow ? `\n${' '.repeat(left)}` : '') + lines.join(`\n${' '.repeat(left)}`)
}

/** Breaks a line at spaces after at most `room` characters; what is over by the overhang alone stays. */
function foldLine(line: string, room: number): string[] {
  const lines: string[] = []
  let rest = line
  while (rest.length >= room + OVERHANG) {
    const space = rest.slice(0, room).lastIndexOf(' ')
    if (space <= 0) break
    lines.push(rest.slice(0, space))
    rest = rest.slice(space + 1)
  }
  return [...lines, rest]
}
