/** What happens. Engine API reference, "SystemEvents". */

import { pipeline } from 'node:stream/promises'
import type { SkiffEvent } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeEvent } from '../codec/event.ts'
import type { Call } from '../http/call.ts'
import { get, type Route } from '../http/router.ts'

/** Filters nobody knows find nothing, and are no error: so it always was with events. */
async function events(call: Call): Promise<void> {
  const [sinceNs, untilNs] = [call.query.timestamp('since'), call.query.timestamp('until')]
  if (sinceNs !== null && untilNs !== null && sinceNs > untilNs) {
    const [since, until] = [call.query.text('since'), call.query.text('until')]
    throw new InvalidParameter(`\`since\` time (${since}) cannot be after \`until\` time (${until})`)
  }
  const stream = call.services.events.stream({ sinceNs, untilNs, filters: call.query.anyFilters() }, call.signal)
  call.begin('application/json')
  await pipeline(lines(stream), call.response)
}

async function* lines(events: AsyncIterable<SkiffEvent>): AsyncGenerator<string> {
  for await (const event of events) yield encodeEvent(event)
}

export const eventRoutes: Route[] = [get('/events', events)]
