/**
 * skiff's own: attach, wait and start in one round trip, for who sends the process nothing and has no terminal. Its own command line
 * starts containers so; other clients take Docker's three requests.
 */

import { InvalidParameter, NotModified } from '../../kernel/errors.ts'
import type { Call } from '../http/call.ts'
import { copyOutput } from '../http/copy-output.ts'
import { exitFrame } from '../http/frames.ts'
import { post, type Route } from '../http/router.ts'
import { MULTIPLEXED } from '../http/streams.ts'
import { waitCondition } from './wait-condition.ts'

/** The answer is what the container prints, in frames; the last one tells its exit code. A start that fails is refused as ever. */
async function startAttached(call: Call): Promise<void> {
  const { response } = call
  const { containers } = call.services
  const { id, config } = await containers.inspect(call.param('id'))
  if (config.tty) throw new InvalidParameter('what has a terminal is attached to by containers/attach')
  const condition = waitCondition(call)
  // Before the start, both: a process that ends at once must not be missed.
  const process = await containers.attach(id, {
    stdin: false,
    stdout: call.query.flag('stdout'),
    stderr: call.query.flag('stderr'),
    logs: false,
    stream: true,
    detachKeys: '',
  })
  const { end } = await containers.wait(id, condition)
  end.catch(() => undefined)
  const header = { 'Content-Type': MULTIPLEXED }
  try {
    await containers.start(id, { detachKeys: '' })
    // With the output: by itself it would only wake the client.
    response.writeHead(200, header)
  } catch (error) {
    if (!(error instanceof NotModified)) {
      process.destroy()
      if (condition === 'removed') await end.catch(() => undefined)
      throw error
    }
    // One that runs is listened to, and may be silent for long.
    response.writeHead(200, header).flushHeaders()
  }
  await copyOutput(process, response)
  const { statusCode, error } = await end
  response.end(exitFrame(statusCode, error ?? ''))
}

export const startAttachedRoutes: Route[] = [post('/containers/{id*}/start/output', startAttached)]
