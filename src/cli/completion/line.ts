/** How far a command line has come: which command, and what is being typed of it. */

import type { Command } from '../command.ts'
import type { Flag } from '../parse/flag.ts'
import { findCommand, GROUPS, type Leaf } from '../registry.ts'

export type Position =
  /** A command's name; within a group or, with '', at the top. */
  | { readonly kind: 'command'; readonly group: string }
  | { readonly kind: 'flag'; readonly command: Command }
  | { readonly kind: 'value'; readonly name: string; readonly prefix: string }
  /** The how-many-th positional, from 0. */
  | { readonly kind: 'positional'; readonly leaf: Leaf; readonly command: Command; readonly index: number }
  | { readonly kind: 'elsewhere' }

/** Global flags that take a word. */
const GLOBAL_VALUES = new Set(['-H', '--host', '--config', '-l', '--log-level', '-c', '--context'])

/** `words`: after the program's name; the last one is being typed, and may be empty. */
export async function positionOf(words: readonly string[]): Promise<Position> {
  const rest = afterGlobals(words)
  const typed = rest.at(-1) ?? ''
  const [first = '', second = ''] = rest
  if (rest.length <= 1) return { kind: 'command', group: '' }
  const inGroup = Object.hasOwn(GROUPS, first)
  if (inGroup && rest.length === 2) return { kind: 'command', group: first }
  const leaf = findCommand(inGroup ? [first, second] : [first])
  if (!leaf) return { kind: 'elsewhere' }
  const command = await leaf.load()
  return within(leaf, command, rest.slice(inGroup ? 2 : 1, -1), typed)
}

function afterGlobals(words: readonly string[]): readonly string[] {
  let at = 0
  while (at < words.length - 1 && words[at]?.startsWith('-')) at += GLOBAL_VALUES.has(words[at] ?? '') ? 2 : 1
  return words.slice(at)
}

function within(leaf: Leaf, command: Command, before: readonly string[], typed: string): Position {
  let positionals = 0
  for (let at = 0; at < before.length; at++) {
    const word = before[at] ?? ''
    if (word === '--') return { kind: 'positional', leaf, command, index: positionals + before.length - at - 1 }
    if (!word.startsWith('-') || word === '-') positionals++
    else if (wantsWord(command, word) !== undefined) {
      if (at === before.length - 1) return { kind: 'value', name: wantsWord(command, word) ?? '', prefix: '' }
      at++
    }
    // What follows belongs to the container.
    if (positionals > 0 && command.interspersed === false)
      return { kind: 'positional', leaf, command, index: before.length }
  }
  const [, name, separator] = /^--([^=]+)(=?)/.exec(typed) ?? []
  if (name !== undefined && separator === '=') return { kind: 'value', name, prefix: `--${name}=` }
  if (typed.startsWith('-')) return { kind: 'flag', command }
  return { kind: 'positional', leaf, command, index: positionals }
}

/** The name of the flag that the next word is the value of. */
function wantsWord({ flags }: Command, word: string): string | undefined {
  if (word.includes('=')) return undefined
  const takesValue = ([, flag]: [string, Flag<unknown>]): boolean => flag.type !== ''
  const name = word.slice(2)
  return Object.entries(flags)
    .filter(takesValue)
    .find(([own, { short }]) =>
      word.startsWith('--') ? own === name : short !== undefined && word.endsWith(short),
    )?.[0]
}
