/** skiff events: what happens in the daemon, as it happens. */

import { filtersParameter } from '../../client/engine.ts'
import { jsonTexts } from '../../client/json-lines.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { rfc3339 } from '../output/durations.ts'
import { objectFormatFlag } from '../output/format.ts'
import { apiTimestamp } from '../output/moments.ts'
import { objectFormatter } from '../output/object.ts'
import { filter, string } from '../parse/flag.ts'

interface Event {
  Type: string
  Action: string
  Actor: { ID: string; Attributes?: Record<string, string> | null }
  time: number
}

export const events = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    filter: filter('Show only events with this property: name=value', { short: 'f' }),
    format: objectFormatFlag(),
    since: string('From this time on, or since so long ago'),
    until: string('Up to this time, or so long ago'),
  },
  async run({ session, engine, options }) {
    const format = options.format && options.format !== 'json' ? await objectFormatter(options.format) : undefined
    const stream = await engine.request('GET', '/events', {
      query: {
        since: options.since ? apiTimestamp(options.since) : undefined,
        until: options.until ? apiTimestamp(options.until) : undefined,
        filters: filtersParameter(options.filter),
      },
    })
    for await (const text of jsonTexts(stream)) {
      const shown = options.format === 'json' ? plainJson(text) : format ? format(JSON.parse(text)) : line(text)
      await write(session.stdout, `${shown}\n`)
    }
  },
})

/** 2026-11-21T10:30:39.268587291Z container create ID (image=busybox, name=web) */
function line(text: string): string {
  const { Type, Action, Actor, time } = JSON.parse(text) as Event
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')
  return `${when(time, text)} ${Type} ${Action} ${Actor.ID}${attributes ? ` (${attributes})` : ''}`
}

/** The nanoseconds are taken from the text: as a JavaScript number they would lose their last digits. */
function when(time: number, text: string): string {
  const nanoseconds = /"timeNano":(\d+)/.exec(text)?.[1]?.slice(-9).padStart(9, '0')
  return rfc3339(new Date(time * 1000), nanoseconds === undefined ? '' : `.${nanoseconds}`)
}

/** Without the escapes that Go's encoder makes of <, > and &. The text is kept: parsing it would cost digits of timeNano. */
const plainJson = (text: string): string =>
  text.replaceAll(/\\(u003c|u003e|u0026|.)/gs, (escaped, code: string) => PLAIN[code] ?? escaped)

const PLAIN: Readonly<Record<string, string>> = { u003c: '<', u003e: '>', u0026: '&' }
