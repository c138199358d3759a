/** The pages that --help and mistakes show: of the program, a group, a command. */

import type { Command } from './command.ts'
import { bool, type Flags } from './parse/flag.ts'
import { flagLines } from './parse/help.ts'
import { COMMANDS, commandsOf, GROUPS, type Leaf } from './registry.ts'

export const PROGRAM = 'skiff'
const DEFAULT_WIDTH = 80

const rows = (entries: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...entries.map(([name]) => name.length), 0)
  return entries.map(([name, text]) => `  ${name.padEnd(Math.max(width, 11))} ${text}\n`).join('')
}

const summaries = (entries: readonly [string, Leaf][]): string =>
  rows(entries.map(([name, { summary }]) => [name, summary]))

export function programHelp(globals: Flags, columns: number | undefined): string {
  const topLevel = commandsOf('')
  const common = COMMANDS.flatMap((entry): [string, Leaf][] =>
    entry.common ? [[entry.spellings[0] ?? '', entry]] : [],
  )
  return `
Usage:  ${PROGRAM} [OPTIONS] COMMAND

Containers on Linux, made of nothing but system calls

Common Commands:
${summaries(common)}
Management Commands:
${rows(Object.entries(GROUPS))}
Commands:
${summaries(topLevel.filter(([, entry]) => !entry.common))}
Global Options:
${flagLines(globals, (columns ?? DEFAULT_WIDTH) - 1)}
Run '${PROGRAM} COMMAND --help' for more information on a command.
`.slice(1)
}

export const groupHelp = (group: string): string =>
  `
Usage:  ${PROGRAM} ${group} COMMAND

${GROUPS[group]}

Commands:
${summaries(commandsOf(group))}
Run '${PROGRAM} ${group} COMMAND --help' for more information on a command.
`.slice(1)

export const usageLine = (words: readonly string[], { usage }: Pick<Command, 'usage'>): string =>
  usage
    .split('\n')
    .map((line, i) => `${i === 0 ? 'Usage:  ' : '        '}${[PROGRAM, ...words].join(' ')} ${line}`.trimEnd())
    .join('\n')

export function commandHelp(
  words: readonly string[],
  { summary, spellings }: Leaf,
  command: Command,
  columns: number | undefined,
): string {
  const aliases = spellings.length > 1 ? `\nAliases:\n  ${aliasesOf(spellings)}\n` : ''
  const flags = Object.values(command.flags).some(flag => !flag.hidden)
    ? `\nOptions:\n${flagLines(command.flags, (columns ?? DEFAULT_WIDTH) - 1)}`
    : ''
  return `${usageLine(words, command)}\n\n${command.description ?? summary}\n${aliases}${flags}`
}

/** Those with a group first, as they are the full names. */
const aliasesOf = (spellings: readonly string[]): string =>
  [...spellings]
    .sort((a, b) => Number(b.includes(' ')) - Number(a.includes(' ')))
    .map(spelling => `${PROGRAM} ${spelling}`)
    .join(', ')

/** --help itself, which every command has; -h as well unless that means something else there. */
const helpFlag = (flags: Flags): Flags => ({
  help: bool('Print usage', {
    hidden: true,
    ...(!Object.values(flags).some(({ short }) => short === 'h') && { short: 'h' }),
  }),
})

const helped = new WeakMap<Flags, Flags>()

/** With --help, unless they have their own. */
export function withHelp<F extends Flags>(flags: F): F & Flags {
  const known = helped.get(flags) ?? { ...helpFlag(flags), ...flags }
  helped.set(flags, known)
  return known as F & Flags
}
