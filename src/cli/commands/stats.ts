/** skiff stats: what containers use, once or over and over. */

import type { Engine } from '../../client/engine.ts'
import { filtersParameter } from '../../client/engine.ts'
import { jsonLines } from '../../client/json-lines.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, type Context, command } from '../command.ts'
import { statsColumns } from '../containers/stats-columns.ts'
import { type Sample, type StatsMessage, sampleOf } from '../containers/stats-sample.ts'
import { formatFlag, formatListing } from '../output/format.ts'
import { bool } from '../parse/flag.ts'

const SHOWN = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs']
const REFRESH_MS = 500
/** ECMA-48: an empty screen; to its first line; all that is left in this line; all below. */
const [CLEAR, HOME, CLEAR_LINE, CLEAR_BELOW] = ['\x1b[2J', '\x1b[H', '\x1b[K', '\x1b[J']

const FLAGS = {
  all: bool('Show all containers, not only running ones', { short: 'a' }),
  format: formatFlag(),
  'no-stream': bool('Show the figures once'),
  'no-trunc': bool('Do not shorten values'),
}

export const stats = command({
  usage: '[OPTIONS] [CONTAINER...]',
  arity: [0, ANY],
  flags: FLAGS,
  run: context => (context.options['no-stream'] ? once(context) : follow(context)),
})

const containersOf = async (engine: Engine, all: boolean): Promise<string[]> =>
  (await engine.get<{ Id: string }[]>('/containers/json', { all })).map(({ Id }) => Id)

async function once({ session, engine, options, args }: Context<typeof FLAGS>): Promise<void> {
  const names = args.length > 0 ? args : await containersOf(engine, options.all)
  const samples = await Promise.all(names.map(name => sampleOnce(engine, name)))
  await write(
    session.stdout,
    await table(
      options,
      samples.filter(sample => sample !== undefined),
    ),
  )
}

async function sampleOnce(engine: Engine, name: string): Promise<Sample | undefined> {
  const path = `/containers/${segment(name)}/stats`
  return sampleOf(name, await engine.get<StatsMessage>(path, { stream: '0' }))
}

const table = (options: { format: string; 'no-trunc': boolean }, rows: readonly Sample[]): Promise<string> =>
  formatListing({ rows, columns: statsColumns(!options['no-trunc']), shown: SHOWN, format: options.format })

/** Redraws the table until the user ends it or, with named containers, all of them are gone. */
async function follow({ session, engine, options, args }: Context<typeof FLAGS>): Promise<void> {
  const latest = new Map<string, Sample | undefined>()
  const stop = new AbortController()
  const watch = async (name: string) => {
    if (latest.has(name)) return
    latest.set(name, undefined)
    try {
      const path = `/containers/${segment(name)}/stats`
      const stream = await engine.request('GET', path, { query: { stream: '1' }, signal: stop.signal })
      for await (const message of jsonLines<StatsMessage>(stream)) latest.set(name, sampleOf(name, message))
    } finally {
      latest.delete(name)
    }
  }
  const watching: Promise<void>[] = args.map(watch)
  if (args.length === 0) {
    for (const name of await containersOf(engine, options.all)) void watch(name).catch(() => undefined)
    watching.push(watchNewcomers(engine, stop.signal, name => void watch(name).catch(() => undefined)))
  }
  let ended = false
  const finished = Promise.all(watching).finally(() => {
    ended = true
  })
  finished.catch(() => undefined)
  let isFirst = true
  try {
    while (!ended) {
      const rows = [...latest.values()].filter(sample => sample !== undefined)
      // Not an empty table for a container that may not exist.
      const text = rows.length > 0 || args.length === 0 ? await table(options, rows) : ''
      if (text) await write(session.stdout, session.isTerminal.stdout ? overOld(text, isFirst) : text)
      if (text) isFirst = false
      await Promise.race([finished, new Promise(resolve => setTimeout(resolve, REFRESH_MS))])
    }
    await finished
  } finally {
    stop.abort()
  }
}

/** Written over the table before, line by line: a screen that is emptied each time flickers. */
const overOld = (text: string, isFirst: boolean): string =>
  `${isFirst ? CLEAR : ''}${HOME}${text.replaceAll('\n', `${CLEAR_LINE}\n`)}${CLEAR_BELOW}`

/** Containers that start while we look appear in the table. */
async function watchNewcomers(engine: Engine, signal: AbortSignal, onStart: (name: string) => void): Promise<void> {
  const filters = filtersParameter({ type: ['container'], event: ['start'] })
  const stream = await engine.request('GET', '/events', { query: { filters }, signal })
  for await (const { Actor } of jsonLines<{ Actor: { ID: string } }>(stream)) onStart(Actor.ID)
}
