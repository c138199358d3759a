/**
 * What follows the end of a container: nothing, its removal, or another start. Docker's back-off: 100 ms, doubled with each
 * start up to a minute, and back to the beginning after a run of ten seconds.
 */

import type { Context } from '../context.ts'
import { INITIAL_BACKOFF_MS, type LiveContainer } from '../live.ts'
import { removeEnded } from './remove.ts'
import { launch } from './start.ts'

const MAX_BACKOFF_MS = 60_000
const LONG_RUN_SECONDS = 10

/** Changes the state accordingly, and returns what is to be done when that is on disk. */
export function afterEnd(context: Context, container: LiveContainer, lastedSeconds: number): () => void {
  const { state, config } = container
  if (lastedSeconds >= LONG_RUN_SECONDS) container.backoffMs = INITIAL_BACKOFF_MS
  if (shallRestart(context, container)) {
    // Docker counts a container that waits for its restart as running.
    Object.assign(state, { status: 'restarting', running: true, restarting: true })
    state.restartCount += 1
    return () => scheduleRestart(context, container)
  }
  if (config.hostConfig.autoRemove && !container.restartRequested && !context.stopping)
    return () => void removeEnded(context, container)
  return () => {}
}

function shallRestart({ stopping }: Context, { state, config, stopRequested, removing }: LiveContainer): boolean {
  if (stopping || stopRequested || removing) return false
  const { name, maximumRetryCount } = config.hostConfig.restartPolicy
  switch (name) {
    case 'always':
    case 'unless-stopped':
      return true
    case 'on-failure':
      return state.exitCode !== 0 && (maximumRetryCount === 0 || state.restartCount < maximumRetryCount)
    default:
      return false
  }
}

export function scheduleRestart(context: Context, container: LiveContainer): void {
  container.restartTimer = setTimeout(() => void restartNow(context, container), container.backoffMs)
  container.restartTimer.unref()
  container.backoffMs = Math.min(container.backoffMs * 2, MAX_BACKOFF_MS)
}

/** For a daemon that starts: its containers come back at once, but not before it answers. */
export function restartSoon(context: Context, container: LiveContainer): void {
  Object.assign(container.state, { status: 'restarting', running: true, restarting: true })
  setImmediate(() => void restartNow(context, container))
}

async function restartNow(context: Context, container: LiveContainer): Promise<void> {
  await container.queue.run(async () => {
    container.restartTimer = null
    // Meanwhile it may have been stopped, started or removed by its user.
    if (!container.state.restarting || container.removing || context.stopping) return
    try {
      await launch(context, container)
    } catch (error) {
      context.rooms.log.warn({ container: container.id, err: error }, 'a container could not be restarted')
      await retryLater(context, container)
    }
  })
}

/** A start that failed counts as a run that failed. */
async function retryLater(context: Context, container: LiveContainer): Promise<void> {
  if (!shallRestart(context, container)) return
  Object.assign(container.state, { status: 'restarting', running: true, restarting: true })
  container.state.restartCount += 1
  await context.save(container)
  scheduleRestart(context, container)
}
