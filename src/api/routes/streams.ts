/** What containers write and read: logs, attach. Engine API reference, "ContainerLogs", "ContainerAttach". */

import type { Duplex } from 'node:stream'
import type { AttachRequest } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { Call } from '../http/call.ts'
import { get, hijacked, post, type Route } from '../http/router.ts'
import { streamType } from '../http/streams.ts'
import { checkWebSocket, joinWebSocket } from '../http/websocket.ts'

const ref = (call: Call): string => call.param('id')

/** Anything but a number from 0 up means everything: `all`, and whatever else clients send. */
function tail(call: Call): number | null {
  const asked = call.query.text('tail')
  return /^\d+$/.test(asked) ? Number(asked) : null
}

async function logs(call: Call): Promise<void> {
  const [stdout, stderr] = [call.query.flag('stdout'), call.query.flag('stderr')]
  if (!stdout && !stderr) throw new InvalidParameter('Bad parameters: you must choose at least one stream')
  const { stream, tty } = await call.services.containers.logs(ref(call), {
    stdout,
    stderr,
    follow: call.query.flag('follow'),
    timestamps: call.query.flag('timestamps'),
    details: call.query.flag('details'),
    sinceNs: call.query.timestamp('since'),
    untilNs: call.query.timestamp('until'),
    tail: tail(call),
  })
  await call.stream(streamType(call, tty), stream)
}

const attachRequest = (call: Call): AttachRequest => ({
  stdin: call.query.flag('stdin'),
  stdout: call.query.flag('stdout'),
  stderr: call.query.flag('stderr'),
  logs: call.query.flag('logs'),
  stream: call.query.flag('stream'),
  detachKeys: call.query.text('detachKeys'),
})

async function attach(call: Call): Promise<void> {
  const { containers } = call.services
  const request = attachRequest(call)
  const container = await containers.inspect(ref(call))
  const process = await containers.attach(container.id, request)
  await letGoOnFailure(process, async () => {
    await call.connection.accept(streamType(call, container.config.tty))
    await call.connection.join(process, request.stdin ? call.connection.input : null)
  })
}

async function attachWebSocket(call: Call): Promise<void> {
  checkWebSocket(call.request)
  const { containers } = call.services
  const request = attachRequest(call)
  const { id, config } = await containers.inspect(ref(call))
  const process = await containers.attach(id, request)
  await letGoOnFailure(process, async () => {
    await joinWebSocket(await call.connection.webSocket(), process, { stdin: request.stdin, tty: config.tty })
  })
}

/** A client that goes away in the middle of the handshake must not leave its attachment behind. */
async function letGoOnFailure(process: Duplex, job: () => Promise<void>): Promise<void> {
  try {
    await job()
  } catch (error) {
    process.destroy()
    throw error
  }
}

export const streamRoutes: Route[] = [
  get('/containers/{id*}/logs', logs),
  hijacked(post('/containers/{id*}/attach', attach)),
  hijacked(get('/containers/{id*}/attach/ws', attachWebSocket)),
]
