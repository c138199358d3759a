/** `--name=value` before an instruction's arguments. */

import { type Location, parseError } from './error.ts'

/** What an instruction knows: a flag with a value, one that stands alone, or a value that may be given often. */
export type FlagKinds = Readonly<Record<string, 'text' | 'bool' | 'list'>>

export interface Flags {
  text(name: string): string
  bool(name: string): boolean
  /** null: not given. */
  choice(name: string): boolean | null
  list(name: string): string[]
}

/** The flags and what follows them. @throws DockerfileError */
export function takeFlags(
  rest: string,
  kinds: FlagKinds,
  location: Location,
  escapeChar: string,
): { flags: Flags; rest: string } {
  const values = new Map<string, string[]>()
  let text = rest.trimStart()
  while (text.startsWith('--')) {
    const word = firstWord(text, escapeChar)
    text = text.slice(word.length).trimStart()
    if (word === '--') break
    const [name, value] = flagOf(unquote(word, escapeChar), kinds, location)
    if (values.has(name) && kinds[name] !== 'list') throw parseError(`Duplicate flag specified: ${name}`, location)
    values.set(name, [...(values.get(name) ?? []), value])
  }
  const flags = {
    text: (name: string) => values.get(name)?.at(-1) ?? '',
    bool: (name: string) => values.get(name)?.at(-1) === 'true',
    choice: (name: string) => (values.has(name) ? values.get(name)!.at(-1) === 'true' : null),
    list: (name: string) => values.get(name) ?? [],
  }
  return { flags, rest: text }
}

function flagOf(word: string, kinds: FlagKinds, location: Location): [name: string, value: string] {
  const [, name = '', value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
  const kind = kinds[name]
  if (kind === undefined) throw parseError(`Unknown flag: ${name}`, location)
  if (kind === 'bool') {
    const given = (value ?? 'true').toLowerCase()
    if (given !== 'true' && given !== 'false') {
      throw parseError(`Expecting boolean value for flag ${name}, not: ${value}`, location)
    }
    return [name, given]
  }
  if (value === undefined) throw parseError(`Missing a value on flag: ${name}`, location)
  return [name, value]
}

/** Up to the first blank outside of quotes. */
function firstWord(text: string, escapeChar: string): string {
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quote === '' && /\s/.test(char)) return text.slice(0, at)
    if (char === escapeChar && quote !== "'") at++
    else if (quote !== '') quote = char === quote ? '' : quote
    else if (char === '"' || char === "'") quote = char
  }
  return text
}

/** A flag's quotes keep its blanks together, and are no part of it. */
function unquote(word: string, escapeChar: string): string {
  let result = ''
  let quote = ''
  for (let at = 0; at < word.length; at++) {
    const char = word[at]!
    if (char === escapeChar && quote !== "'" && /["'\s\\]/.test(word[at + 1] ?? '')) result += word[++at]
    else if (quote !== '' ? char === quote : char === '"' || char === "'") quote = quote === '' ? char : ''
    else result += char
  }
  return result
}
