/** skiff compose events: what happens to the containers of a project, as it happens. */

import { filtersParameter } from '../../../client/engine.ts'
import { jsonLines } from '../../../client/json-lines.ts'
import { LABEL } from '../../../compose/engine/labels.ts'
import { apiTimestamp } from '../../output/moments.ts'
import { bool, string } from '../../parse/flag.ts'
import { checkServices, openNamed, say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

interface Event {
  Action: string
  Actor: { ID: string; Attributes?: Record<string, string> | null }
  time: number
  timeNano: number
}

export const events = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    json: bool('One JSON object a line'),
    since: string('From this time on, or since so long ago'),
    until: string('Up to this time, or so long ago'),
  },
  async run(context) {
    const { engine, options, args } = context
    const { name, project } = await openNamed(context, args)
    checkServices(project, args)
    const stream = await engine.request('GET', '/events', {
      query: {
        filters: filtersParameter({ label: [`${LABEL.project}=${name}`], type: ['container'] }),
        since: options.since ? apiTimestamp(options.since) : undefined,
        until: options.until ? apiTimestamp(options.until) : undefined,
      },
    })
    for await (const { Action, Actor, timeNano } of jsonLines<Event>(stream)) {
      const { Attributes } = Actor
      const service = Attributes?.[LABEL.service] ?? ''
      if (args.length > 0 && !args.includes(service)) continue
      const attributes = Object.fromEntries(
        Object.entries(Attributes ?? {}).filter(([key]) => !key.startsWith('com.docker.compose.')),
      )
      const time = new Date(timeNano / 1e6)
      await say(
        context,
        options.json
          ? `${JSON.stringify({ action: Action, attributes, id: Actor.ID, service, time: time.toISOString(), type: 'container' })}\n`
          : `${localTime(time)} container ${Action} ${Actor.ID} (${Object.entries(attributes)
              .map(([key, value]) => `${key}=${value}`)
              .join(', ')})\n`,
      )
    }
  },
})

/** 2026-11-21 10:30:39.268000 */
function localTime(time: Date): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString()
  return `${local.slice(0, 10)} ${local.slice(11, 23)}000`
}
