/** docker attach: a client's two ends, handed over to the shim, which serves it without the daemon. */

import { Duplex, PassThrough, type Readable } from 'node:stream'
import { nowNs } from '../kernel/clock.ts'
import { Conflict } from '../kernel/errors.ts'
import type { AttachOptions } from '../runtime/shim/types.ts'
import type { Context } from './context.ts'
import { parseDetachKeys } from './detach-keys.ts'
import type { LiveContainer } from './live.ts'
import { logPlace } from './logs/place.ts'
import { readLog } from './logs/reader.ts'
import type { AttachRequest } from './types.ts'

/** Resolves when in place. Before a start the client waits for it. @throws Conflict if it is paused or restarting */
export async function attachToContainer(
  context: Context,
  container: LiveContainer,
  request: AttachRequest,
): Promise<Duplex> {
  const { state, id } = container
  if (state.paused)
    throw new Conflict(`container ${container.config.name} is paused, unpause the container before attach`)
  if (state.restarting) throw new Conflict(`Container ${id} is restarting, wait until the container is running`)
  // Whether they will be used or not.
  parseDetachKeys(request.detachKeys)
  context.emit(container, 'attach')
  const live = request.stream ? await liveStream(context, container, request) : null
  if (!request.logs) return live ?? ended()
  return afterLog(pastLog(container, request, nowNs()), live)
}

async function liveStream(context: Context, container: LiveContainer, request: AttachRequest): Promise<Duplex> {
  const options = attachOptions(context, container, request)
  // Inside the queue a start is either over or has not begun: the client goes to the process, or waits for the next.
  return container.queue.run(async () => {
    if (container.process !== null) return container.process.handle.attach(options)
    const client = context.rooms.runtime.prepareAttach(options)
    container.waiting.add(client)
    // Who goes away before the start is not waited for.
    client.stream.once('close', () => {
      if (container.waiting.delete(client)) client.abandon()
    })
    return client.stream
  })
}

function attachOptions(context: Context, { config }: LiveContainer, request: AttachRequest): AttachOptions {
  const { tty, openStdin } = config.config
  return {
    stdin: request.stdin && openStdin,
    stdout: request.stdout,
    stderr: request.stderr,
    framed: !tty,
    // Without a terminal the keys would be bytes of somebody's data.
    detachKeys:
      tty && request.stdin ? parseDetachKeys(request.detachKeys || context.defaults.detachKeys) : new Uint8Array(),
  }
}

/** What was logged before the client was attached: everything later comes to it by its stream. */
function pastLog({ paths, config }: LiveContainer, { stdout, stderr }: AttachRequest, untilNs: bigint): Readable {
  const place = logPlace(config.hostConfig.logConfig, paths)
  if (place === null) return ended()
  const source = { ...place, tty: config.config.tty, ended: null }
  const request = {
    stdout,
    stderr,
    follow: false,
    timestamps: false,
    details: false,
    sinceNs: null,
    untilNs,
    tail: null,
  }
  return readLog(source, request)
}

const ended = (): Duplex => {
  const stream = new PassThrough()
  stream.end()
  return stream
}

/** First the log, then what is to come; what the client sends goes to the process at once. */
function afterLog(past: Readable, live: Duplex | null): Duplex {
  async function* both(): AsyncGenerator<Buffer> {
    for await (const chunk of past) yield chunk as Buffer
    if (live !== null) for await (const chunk of live) yield chunk as Buffer
  }
  return Duplex.from({ readable: both(), writable: live ?? new PassThrough().resume() })
}
