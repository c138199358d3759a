/** skiff's man pages, made of the same tables and texts as `--help`. */

import type { Command } from '../command.ts'
import { SUBCOMMANDS } from '../compose/registry.ts'
import { PROGRAM } from '../help.ts'
import type { Flags } from '../parse/flag.ts'
import { COMMANDS, commandsOf, GROUPS, type Leaf } from '../registry.ts'
import { bold, escaped, item, type PageHead, page, paragraphs } from './roff.ts'

export interface ManPage {
  /** As in the folder man1: `skiff-run.1`. */
  readonly file: string
  readonly text: string
}

/** @param version of the program, for the foot of each page */
export async function manPages(version: string): Promise<ManPage[]> {
  const head = (title: string): PageHead => ({
    title,
    section: 1,
    source: `${PROGRAM} ${version}`,
    manual: 'Containers',
  })
  const pages = [{ file: `${PROGRAM}.1`, text: overview(head(PROGRAM)) }]
  for (const leaf of COMMANDS.filter(({ hidden }) => !hidden)) {
    const [own = ''] = leaf.spellings
    const name = [PROGRAM, ...own.split(' ')].join('-')
    pages.push({ file: `${name}.1`, text: commandPage(head(name), own, leaf, await leaf.load()) })
  }
  return pages
}

const see = (names: readonly string[]): string => names.map(name => `.BR ${escaped(name)} (1)`).join(',\n')

function overview(head: PageHead): string {
  const list = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([name, text]) => item(name, text)).join('\n')
  return page(head, [
    { heading: 'NAME', body: escaped(`${PROGRAM} - containers on Linux, made of nothing but system calls`) },
    { heading: 'SYNOPSIS', body: `${bold(PROGRAM)}\n${escaped('[OPTIONS] COMMAND [ARG...]')}` },
    {
      heading: 'DESCRIPTION',
      body: paragraphs(
        `${PROGRAM} is the command line of skiffd(8). Its commands and options are Docker's. Each command has a page of its own: man ${PROGRAM}-run.`,
      ),
    },
    { heading: 'COMMANDS', body: list(commandsOf('').map(([name, { summary }]) => [name, summary])) },
    {
      heading: 'MANAGEMENT COMMANDS',
      body: list(
        Object.keys(GROUPS).flatMap(group =>
          commandsOf(group).map(([name, { summary }]) => [`${group} ${name}`, summary] as const),
        ),
      ),
    },
    {
      heading: 'ENVIRONMENT',
      body: list([
        ['SKIFF_HOST, DOCKER_HOST', 'Where the daemon listens: unix:///path or tcp://host:port. The first one counts.'],
        ['SKIFF_CONFIG, DOCKER_CONFIG', 'The folder with config.json, in which login keeps credentials.'],
        ['SKIFF_NO_LAUNCHER', 'When it is set, commands run in a Node process of their own.'],
        ['NO_COLOR', 'When it is set, nothing is coloured.'],
        ['DOCKER_CLI_HINTS', 'When it is false, failures come without hints.'],
      ]),
    },
    { heading: 'SEE ALSO', body: '.BR skiffd (8)' },
  ])
}

function commandPage(head: PageHead, own: string, leaf: Leaf, command: Command): string {
  const usage = command.usage.split('\n').map(line => `${bold(`${PROGRAM} ${own}`)}\n${escaped(line)}`)
  return page(head, [
    { heading: 'NAME', body: escaped(`${PROGRAM}-${own.replaceAll(' ', '-')} - ${leaf.summary}`) },
    { heading: 'SYNOPSIS', body: usage.join('\n.br\n') },
    { heading: 'DESCRIPTION', body: paragraphs(command.description ?? `${leaf.summary}.`) },
    { heading: 'OPTIONS', body: options(command.flags) },
    {
      heading: 'COMMANDS',
      body: own === 'compose' ? SUBCOMMANDS.map(({ name, summary }) => item(name, summary)).join('\n') : '',
    },
    {
      heading: 'OTHER NAMES',
      body: leaf.spellings
        .slice(1)
        .map(name => `${bold(`${PROGRAM} ${name}`)}\n.br`)
        .join('\n'),
    },
    { heading: 'SEE ALSO', body: see([PROGRAM]) },
  ])
}

const options = (flags: Flags): string =>
  Object.entries(flags)
    .filter(([, { hidden }]) => !hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { short, type, usage, shownDefault }]) =>
      item(
        `${short ? `-${short}, ` : ''}--${name}${type ? ` ${type}` : ''}`,
        usage + (shownDefault === undefined ? '' : ` (default ${shownDefault})`),
      ),
    )
    .join('\n')
