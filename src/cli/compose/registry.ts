/** The commands of `skiff compose`: names and summaries; the rest is loaded when it is asked for. */

import type { Subcommand } from './subcommand.ts'

// A command's own type of options is nobody's concern but its own.
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnySubcommand = Subcommand<any>

export interface Entry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<AnySubcommand>
}

const entry = <K extends string>(
  name: string,
  summary: string,
  key: K,
  load: () => Promise<Record<K, AnySubcommand>>,
): Entry => ({
  name,
  summary,
  load: async () => (await load())[key],
})

export const SUBCOMMANDS: readonly Entry[] = [
  entry(
    'config',
    'Show the project as its files say, merged and complete',
    'config',
    () => import('./commands/config.ts'),
  ),
  entry('down', 'Stop and remove containers and networks', 'down', () => import('./commands/down.ts')),
  entry('logs', 'Show the output of containers', 'logs', () => import('./commands/logs.ts')),
  entry('ps', 'List containers', 'ps', () => import('./commands/ps.ts')),
  entry('up', 'Create and start containers', 'up', () => import('./commands/up.ts')),
]

const ALIASES: Readonly<Record<string, string>> = { convert: 'config' }

export const findSubcommand = (name: string): Entry | undefined =>
  SUBCOMMANDS.find(item => item.name === (ALIASES[name] ?? name))
