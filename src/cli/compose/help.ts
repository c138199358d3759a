/** The pages that `skiff compose --help` and its commands show. */

import { PROGRAM } from '../help.ts'
import type { Flags } from '../parse/flag.ts'
import { flagLines } from '../parse/help.ts'
import { SUBCOMMANDS } from './registry.ts'
import type { Subcommand } from './subcommand.ts'

const DEFAULT_WIDTH = 80

export function composeHelp(): string {
  const width = Math.max(...SUBCOMMANDS.map(({ name }) => name.length))
  const lines = SUBCOMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Run a project of several containers that a compose file describes\n\nCommands:\n${lines.join('\n')}\n\nRun '${PROGRAM} compose COMMAND --help' for more information on a command.`
}

export const usageOf = (name: string, { usage }: Pick<Subcommand, 'usage'>): string =>
  `Usage:  ${PROGRAM} compose ${name} ${usage}`.trimEnd()

export function subcommandHelp(
  name: string,
  summary: string,
  subcommand: Subcommand<Flags>,
  columns: number | undefined,
): string {
  const flags = Object.values(subcommand.flags).some(({ hidden }) => !hidden)
    ? `\nOptions:\n${flagLines(subcommand.flags, (columns ?? DEFAULT_WIDTH) - 1)}`
    : ''
  return `${usageOf(name, subcommand)}\n\n${summary}\n${flags}`
}
