/** From the words of a command line to typed values. */

import yargsParser from 'yargs-parser'
import { EXIT_REFUSED, UsageError } from '../errors.ts'
import type { Flag, Flags, Values } from './flag.ts'
import { type Spelled, spell } from './spelling.ts'

export interface Parsed<F extends Flags> {
  readonly options: Values<F>
  /** The positionals. */
  readonly args: readonly string[]
  /** The names of the flags that were given. */
  readonly given: ReadonlySet<string>
}

/** @throws UsageError in Docker's words */
export function parse<F extends Flags>(argv: readonly string[], flags: F, interspersed: boolean): Parsed<F> {
  const spelled = spell(argv, flags, interspersed)
  // Of the hundred that a command may have: what yargs does for each name takes longer than all the rest.
  const names = [...new Set(spelled.flags.map(([name]) => name))]
  const texts = names.length > 0 ? textsOf(spelled, names) : {}
  const given = new Set(names.filter(name => texts[name] !== undefined))
  const options = { ...initialsOf(flags) }
  for (const name of given) options[name] = read(name, flags[name] as Flag<unknown>, texts[name])
  return { options: options as Values<F>, args: spelled.positionals, given }
}

const initials = new WeakMap<Flags, Readonly<Record<string, unknown>>>()

/** The values of flags that were not given: of the hundred that a command may have, made once. */
function initialsOf(flags: Flags): Readonly<Record<string, unknown>> {
  const known = initials.get(flags)
  if (known) return known
  const made = Object.fromEntries(Object.entries(flags).map(([name, { initial }]) => [name, initial]))
  initials.set(flags, made)
  return made
}

/** What was given for each name. */
function textsOf({ flags }: Spelled, names: string[]): Record<string, unknown> {
  // In quotes: yargs takes one pair off what follows =, which would otherwise be a user's own; and '' needs them.
  const words = flags.map(([name, value]) => `--${name}="${value}"`)
  return yargsParser(words, {
    array: names,
    string: names,
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    },
  })
}

function read(name: string, flag: Flag<unknown>, given: unknown): unknown {
  const texts = (Array.isArray(given) ? given : [given]).map(text => String(text ?? ''))
  try {
    return flag.read(texts)
  } catch (error) {
    const culprit = texts.find(text => fails(flag, text)) ?? texts.at(-1)
    const spelling = flag.short ? `-${flag.short}, --${name}` : `--${name}`
    throw new UsageError(
      `invalid argument ${JSON.stringify(culprit)} for "${spelling}" flag: ${(error as Error).message}`,
      EXIT_REFUSED,
    )
  }
}

/** Which of several values was the wrong one. */
function fails(flag: Flag<unknown>, text: string): boolean {
  try {
    flag.read([text])
    return false
  } catch {
    return true
  }
}
