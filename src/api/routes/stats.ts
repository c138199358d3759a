/** What containers use. Engine API reference, "ContainerStats". */

import { pipeline } from 'node:stream/promises'
import type { StatsReading } from '../../containers/stats/stats.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeStats } from '../codec/stats.ts'
import type { Call } from '../http/call.ts'
import { get, type Route } from '../http/router.ts'

async function stats(call: Call): Promise<void> {
  const stream = call.query.flag('stream', true)
  const oneShot = call.since('1.41') && call.query.flag('one-shot')
  if (stream && oneShot) throw new InvalidParameter('cannot have stream=true and one-shot=true')
  // The header comes before the first reading: that there is such a container is to be known before.
  const { id } = await call.services.containers.inspect(call.param('id'))
  if (!stream) {
    call.send(200, encodeStats(await call.services.stats.once(id, { oneShot })))
    return
  }
  call.begin('application/json')
  await pipeline(lines(call.services.stats.stream(id)), call.response)
}

async function* lines(readings: AsyncIterable<StatsReading>): AsyncGenerator<string> {
  for await (const reading of readings) yield `${JSON.stringify(encodeStats(reading))}\n`
}

export const statsRoutes: Route[] = [get('/containers/{id*}/stats', stats)]
