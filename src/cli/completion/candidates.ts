/** What could be typed at a place of a command line; what exists is asked of the daemon. */

import { type Engine, filtersParameter } from '../../client/engine.ts'
import { SUBCOMMANDS } from '../compose/registry.ts'
import { commandsOf, GROUPS } from '../registry.ts'
import type { Position } from './line.ts'

export interface Candidate {
  readonly value: string
  readonly description: string
}

export interface Candidates {
  readonly list: readonly Candidate[]
  /** Files may be meant, too. */
  readonly files: boolean
}

const NONE: Candidates = { list: [], files: false }
const FILES: Candidates = { list: [], files: true }

type Kind = 'container' | 'running' | 'ended' | 'image' | 'network' | 'snapshot' | 'volume'

/** Commands that need a container which runs, or does not. */
const RUNNING = new Set(['attach', 'exec', 'kill', 'pause', 'port', 'stop', 'stats', 'top', 'unpause', 'wait'])
const ENDED = new Set(['start'])

const VALUES: Readonly<Record<string, Kind | readonly string[]>> = {
  network: 'network',
  net: 'network',
  'volumes-from': 'container',
  link: 'container',
  'from-snapshot': 'snapshot',
  'log-driver': ['json-file', 'local', 'none', 'journald', 'syslog'],
  pull: ['always', 'missing', 'never'],
  restart: ['no', 'on-failure', 'always', 'unless-stopped'],
  signal: ['HUP', 'INT', 'KILL', 'QUIT', 'TERM', 'USR1', 'USR2'],
  'stop-signal': ['HUP', 'INT', 'KILL', 'QUIT', 'TERM', 'USR1', 'USR2'],
  cgroupns: ['host', 'private'],
  ipc: ['host', 'none', 'private', 'shareable'],
  pid: ['host'],
  userns: ['host'],
  uts: ['host'],
  attach: ['stdin', 'stdout', 'stderr'],
}

export async function candidates(position: Position, engine: Engine): Promise<Candidates> {
  switch (position.kind) {
    case 'command':
      return { list: commandNames(position.group), files: false }
    case 'flag': {
      const shown = Object.entries(position.command.flags).filter(([, { hidden }]) => !hidden)
      return { list: shown.map(([name, { usage }]) => ({ value: `--${name}`, description: usage })), files: false }
    }
    case 'value':
      return await valuesOf(position.name, position.prefix, engine)
    case 'positional':
      return await positionals(position, engine)
    case 'elsewhere':
      return NONE
  }
}

function commandNames(group: string): Candidate[] {
  const own = commandsOf(group).map(([value, { summary }]) => ({ value, description: summary }))
  return group ? own : [...own, ...Object.entries(GROUPS).map(([value, description]) => ({ value, description }))]
}

async function valuesOf(name: string, prefix: string, engine: Engine): Promise<Candidates> {
  const values = VALUES[name]
  if (values === undefined) return FILES
  const list = typeof values === 'string' ? await existing(values, engine) : values.map(plain)
  return { list: list.map(({ value, description }) => ({ value: prefix + value, description })), files: false }
}

const plain = (value: string): Candidate => ({ value, description: '' })

async function positionals(position: Extract<Position, { kind: 'positional' }>, engine: Engine): Promise<Candidates> {
  const { leaf, command, index } = position
  const name = leaf.spellings[0]?.split(' ').at(-1) ?? ''
  if (name === 'cp') {
    const containers = await existing('container', engine)
    return { list: containers.map(({ value, description }) => ({ value: `${value}:`, description })), files: true }
  }
  if (name === 'compose' && index === 0)
    return { list: SUBCOMMANDS.map(({ name: value, summary: description }) => ({ value, description })), files: false }
  const kind = kindOf(command.usage, index, name)
  if (kind === undefined) return FILES
  return { list: await existing(kind, engine), files: false }
}

/** By the words of the usage: `[OPTIONS] CONTAINER [CONTAINER...]`. */
function kindOf(usage: string, index: number, name: string): Kind | undefined {
  const words = (usage.split('\n')[0] ?? '').split(' ').filter(word => word !== '[OPTIONS]')
  const word = words[index] ?? (words.at(-1)?.includes('...') ? words.at(-1) : undefined) ?? ''
  if (/CONTAINER/.test(word)) return RUNNING.has(name) ? 'running' : ENDED.has(name) ? 'ended' : 'container'
  if (/IMAGE|REPOSITORY|^NAME\[/.test(word)) return 'image'
  if (/NETWORK/.test(word)) return 'network'
  if (/VOLUME/.test(word)) return 'volume'
  // Of the one that is made the name is anybody's guess.
  if (/SNAPSHOT/.test(word)) return name === 'create' ? undefined : 'snapshot'
  return /NAME\|ID/.test(word) ? 'container' : undefined
}

interface ContainerSummary {
  Names: string[]
  Image: string
  Status: string
}

async function existing(kind: Kind, engine: Engine): Promise<Candidate[]> {
  switch (kind) {
    case 'image': {
      const images = await engine.get<{ RepoTags: string[] | null }[]>('/images/json')
      return images.flatMap(({ RepoTags }) => RepoTags ?? []).map(tag => plain(tag.replace(/:latest$/, '')))
    }
    case 'network': {
      const networks = await engine.get<{ Name: string; Driver: string }[]>('/networks')
      return networks.map(({ Name, Driver }) => ({ value: Name, description: Driver }))
    }
    case 'snapshot': {
      const snapshots = await engine.get<{ Name: string; ContainerName: string }[]>('/snapshots')
      return snapshots.map(({ Name, ContainerName }) => ({ value: Name, description: `of ${ContainerName}` }))
    }
    case 'volume': {
      const { Volumes } = await engine.get<{ Volumes: { Name: string }[] | null }>('/volumes')
      return (Volumes ?? []).map(({ Name }) => plain(Name))
    }
    default:
      return await containersIn(kind, engine)
  }
}

async function containersIn(kind: 'container' | 'running' | 'ended', engine: Engine): Promise<Candidate[]> {
  const filters = kind === 'ended' ? filtersParameter({ status: ['created', 'exited', 'dead'] }) : undefined
  const containers = await engine.get<ContainerSummary[]>('/containers/json', { all: kind !== 'running', filters })
  return containers.map(({ Names, Image, Status }) => ({
    value: (Names[0] ?? '').slice(1),
    description: `${Image}, ${Status}`,
  }))
}
