/** docker stop and restart: ask, wait, then kill. */

import { NotModified } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { signalNumber } from '../signals.ts'
import { endRestarting, killAndWait, send, stopSignalOf } from './kill.ts'
import { thaw } from './pause.ts'
import { launch } from './start.ts'

export interface StopOptions {
  /** '': the container's own. */
  signal: string
  /** null: the container's own; -1: wait for ever; 0: kill at once. */
  timeoutSeconds: number | null
}

const DEFAULT_TIMEOUT_SECONDS = 10

/** @throws NotModified if it does not run, InvalidParameter for an unknown signal */
export async function stopContainer(context: Context, container: LiveContainer, options: StopOptions): Promise<void> {
  const { state, id } = container
  if (!state.running) throw new NotModified(`container ${id} is already stopped`)
  container.stopRequested = true
  state.stoppedByUser = true
  if (state.restarting) await endRestarting(context, container)
  else await end(context, container, options)
  context.emit(container, 'stop')
}

async function end(context: Context, container: LiveContainer, options: StopOptions): Promise<void> {
  const signal = options.signal === '' ? stopSignalOf(container) : signalNumber(options.signal)
  const seconds = options.timeoutSeconds ?? container.config.config.stopTimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS
  if (container.process === null) return
  const ended = container.endings.nextEnd
  await send(context, container, signal)
  // A frozen process receives its signal when it goes on.
  if (container.state.paused) await thaw(context, container)
  if (seconds < 0) {
    await ended
    return
  }
  if (seconds > 0 && (await endsWithin(ended, seconds))) return
  await killAndWait(context, container)
}

/** The longest delay that setTimeout takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

async function endsWithin(end: Promise<unknown>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), Math.min(seconds * 1000, MAX_TIMEOUT_MS))
  })
  const ended = await Promise.race([end.then(() => true), timeout])
  clearTimeout(timer)
  return ended
}

/** Starts it if it does not run. */
export async function restartContainer(
  context: Context,
  container: LiveContainer,
  options: StopOptions,
): Promise<void> {
  container.restartRequested = true
  try {
    if (container.state.running) await stopContainer(context, container, options)
    await container.queue.run(() => launch(context, container))
  } finally {
    container.restartRequested = false
  }
  context.emit(container, 'restart')
}
