/** `docker ps --filter`: every key must match, by any of its values (labels: by all of them). */

import { InvalidParameter, NotFound } from '../kernel/errors.ts'
import { namePattern } from '../kernel/name-pattern.ts'
import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'
import type { ContainerId, Filters, NetworkSettings, Status } from './types.ts'

type Predicate = (container: LiveContainer) => boolean

export interface FilterContext {
  predicates: Predicate[]
  /** Asked for exit codes: containers that do not run are meant, too. */
  exited: boolean
}

export const matches = (container: LiveContainer, { predicates }: FilterContext): boolean =>
  predicates.every(predicate => predicate(container))

/** Looks up once what the filters refer to. @throws InvalidParameter, NotFound */
export async function prepareFilters(context: Context, filters: Filters): Promise<FilterContext> {
  const predicates: Predicate[] = []
  for (const [key, values] of Object.entries(filters)) {
    if (values.length > 0) predicates.push(await predicateFor(context, key, values))
  }
  return { predicates, exited: (filters.exited ?? []).length > 0 }
}

const STATUSES: readonly Status[] = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']
const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy']

async function predicateFor(context: Context, key: string, values: string[]): Promise<Predicate> {
  switch (key) {
    case 'id':
      return ({ id }) => values.some(value => id.startsWith(value))
    case 'name':
      return byName(values)
    case 'label':
      return ({ config }) => values.every(value => hasLabel(config.config.labels, value))
    case 'status':
      return byStatus(values)
    case 'exited':
      return byExitCode(values)
    case 'ancestor':
      return await byImage(context, values)
    case 'before':
      return createdBefore(context, values)
    case 'since':
      return createdAfter(context, values)
    case 'volume':
      return ({ config }) =>
        values.some(value =>
          config.mounts.some(({ name, destination, source }) => [name, destination, source].includes(value)),
        )
    case 'network':
      return ({ state }) =>
        values.some(value =>
          Object.entries(state.network.endpoints).some(
            ([name, { networkId }]) => name === value || (value.length > 1 && networkId.startsWith(value)),
          ),
        )
    case 'publish':
      return byPort(values, ({ state }) => published(state.network.ports))
    case 'expose':
      return byPort(values, ({ config, state }) => [...config.config.exposedPorts, ...Object.keys(state.network.ports)])
    case 'health':
      return byHealth(values)
    case 'isolation':
      // Windows' matter: elsewhere Docker passes over it.
      return () => true
    case 'is-task':
      return () => values.every(value => ['default', '', 'false', '0'].includes(value))
    default:
      throw new InvalidParameter(`invalid filter '${key}'`)
  }
}

/** A pattern, or a part of the name; with or without the slash that Docker puts in front. */
function byName(values: string[]): Predicate {
  const patterns = values.map(namePattern)
  return ({ config }) => patterns.some(matches => matches(`/${config.name}`) || matches(config.name))
}

function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const at = wanted.indexOf('=')
  return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1)
}

function byStatus(values: string[]): Predicate {
  const unknown = values.find(value => !(STATUSES as string[]).includes(value))
  if (unknown !== undefined) throw new InvalidParameter(`invalid filter 'status=${unknown}'`)
  return ({ state, removing }) => values.includes(removing && !state.running ? 'removing' : state.status)
}

function byExitCode(values: string[]): Predicate {
  const codes = values.map(Number)
  const invalid = values.find((_, index) => !Number.isInteger(codes[index]))
  if (invalid !== undefined) throw new InvalidParameter(`invalid filter 'exited=${invalid}'`)
  return ({ state }) => !state.running && state.startedAt !== state.finishedAt && codes.includes(state.exitCode)
}

/** Made of one of these images, or of one that was built upon them. */
async function byImage({ rooms }: Context, values: string[]): Promise<Predicate> {
  const ids = new Set<string>()
  const tops = new Set<string>()
  for (const value of values) {
    try {
      const image = await rooms.images.resolve(value)
      ids.add(image.id)
      const top = image.chain.at(-1)
      if (top !== undefined) tops.add(top)
    } catch (error) {
      // An image that does not exist has no containers.
      if (!(error instanceof NotFound)) throw error
    }
  }
  const descendants = new Set<string>(ids)
  for (const image of tops.size > 0 ? await rooms.images.list({}, { all: true }) : []) {
    if (image.chain.some(chain => tops.has(chain))) descendants.add(image.id)
  }
  return ({ config }) => descendants.has(config.imageId)
}

const createdBefore = (context: Context, values: string[]): Predicate => {
  const moments = values.map(value => context.find(value).config.created)
  return ({ config }) => moments.every(moment => config.created < moment)
}

const createdAfter = (context: Context, values: string[]): Predicate => {
  const moments = values.map(value => context.find(value).config.created)
  return ({ config }) => moments.every(moment => config.created > moment)
}

/** The host's side: '8080/tcp'. */
const published = (ports: NetworkSettings['ports']): string[] =>
  Object.entries(ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ hostPort }) => `${hostPort}/${port.split('/')[1] ?? 'tcp'}`),
  )

/** '80', '80/udp', '8000-8080/tcp' */
function byPort(values: string[], portsOf: (container: LiveContainer) => string[]): Predicate {
  const ranges = values.map(value => {
    const [, low, high, protocol] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value) ?? []
    if (low === undefined) throw new InvalidParameter(`invalid port specification: "${value}"`)
    return { low: Number(low), high: Number(high ?? low), protocol: protocol ?? 'tcp' }
  })
  return container =>
    portsOf(container).some(port => {
      const [number, protocol = 'tcp'] = port.split('/')
      return ranges.some(
        range => Number(number) >= range.low && Number(number) <= range.high && protocol === range.protocol,
      )
    })
}

function byHealth(values: string[]): Predicate {
  const unknown = values.find(value => !HEALTHS.includes(value))
  if (unknown !== undefined) throw new InvalidParameter(`Unrecognised filter value for health: ${unknown}`)
  return ({ state }) => values.includes(state.health?.status ?? 'none')
}

/** For the rooms below that ask who uses what: ids, in no particular order. */
export const idsWhere = ({ containers }: Context, predicate: Predicate): ContainerId[] =>
  [...containers.values()].filter(predicate).map(({ id }) => id)
