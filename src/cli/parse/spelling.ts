/**
 * Docker's spelling of a command line, taken apart into names and values. What is particular: one-letter flags may
 * stand together and carry their value (-itp80:80), a value may begin with a dash, and a switch takes one only after `=`.
 * Source: POSIX "Utility Syntax Guidelines" with GNU long options; and the messages of Docker's own parser.
 */

import { EXIT_REFUSED, UsageError } from '../errors.ts'
import type { Flags } from './flag.ts'
import { nearest } from './nearest.ts'

export interface Spelled {
  /** Names and values in the order given; a switch without a value has 'true'. */
  readonly flags: [name: string, value: string][]
  readonly positionals: string[]
}

/** `interspersed`: flags may follow positionals; otherwise the first positional ends them. */
export function spell(argv: readonly string[], flags: Flags, interspersed: boolean): Spelled {
  const byLetter = lettersOf(flags)
  const spelled: Spelled = { flags: [], positionals: [] }
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      spelled.positionals.push(...words.splice(0))
    } else if (word.startsWith('--')) {
      spelled.flags.push(long(word, words, flags))
    } else if (word.startsWith('-') && word !== '-') {
      spelled.flags.push(...letters(word, words, flags, byLetter))
    } else {
      spelled.positionals.push(word)
      if (!interspersed) spelled.positionals.push(...words.splice(0))
    }
  }
  return spelled
}

const letterTables = new WeakMap<Flags, ReadonlyMap<string, string>>()

/** From letter to name. */
function lettersOf(flags: Flags): ReadonlyMap<string, string> {
  const known = letterTables.get(flags)
  if (known) return known
  const made = new Map(Object.entries(flags).flatMap(([name, { short }]) => (short ? [[short, name] as const] : [])))
  letterTables.set(flags, made)
  return made
}

const refuse = (message: string): UsageError => new UsageError(message, EXIT_REFUSED)

function long(word: string, rest: string[], flags: Flags): [string, string] {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
  if (name === '' || name.startsWith('-')) throw refuse(`bad flag syntax: ${word}`)
  const own = ownName(name, flags)
  if (own === undefined) {
    const meant = nearest(name, Object.keys(flags))
    throw refuse(`unknown flag: --${name}${meant === undefined ? '' : ` (did you mean --${meant}?)`}`)
  }
  if (equals >= 0) return [own, word.slice(equals + 1)]
  if (flags[own]?.type === '') return [own, 'true']
  const value = rest.shift()
  if (value === undefined) throw refuse(`flag needs an argument: --${name}`)
  return [own, value]
}

/** The name in the table, for that name or an older one. */
const ownName = (name: string, flags: Flags): string | undefined =>
  Object.hasOwn(flags, name) ? name : Object.entries(flags).find(([, { aliases }]) => aliases.includes(name))?.[0]

function letters(
  word: string,
  rest: string[],
  flags: Flags,
  byLetter: ReadonlyMap<string, string>,
): [string, string][] {
  const found: [string, string][] = []
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at)
    const name = byLetter.get(letter)
    if (name === undefined) throw refuse(`unknown shorthand flag: '${letter}' in -${word.slice(at)}`)
    const glued = word.slice(at + 1)
    if (glued.startsWith('=')) return [...found, [name, glued.slice(1)]]
    if (flags[name]?.type === '') {
      found.push([name, 'true'])
      continue
    }
    const value = glued || rest.shift()
    if (value === undefined) throw refuse(`flag needs an argument: '${letter}' in -${word.slice(at)}`)
    return [...found, [name, value]]
  }
  return found
}
