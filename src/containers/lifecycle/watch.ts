/** The end of a container's process: seen by its shim, recorded here, with everything that the process held given back. */

import { formatNs, nowNs, parseNs } from '../../kernel/clock.ts'
import { removeTreeNow } from '../../kernel/small-tree.ts'
import type { ExitRecord } from '../../runtime/shim/types.ts'
import type { Context } from '../context.ts'
import { stopHealth } from '../health/watch.ts'
import type { LiveContainer, LiveProcess } from '../live.ts'
import { logPlace } from '../logs/place.ts'
import { emitNetworkEvents } from '../network/events.ts'
import { closePidfd } from '../pidfd.ts'
import { releaseVolumes } from '../spec/sources.ts'
import { afterEnd } from './policy.ts'

/** What is left to be closed of a process that has ended. */
type EndedProcess = Pick<LiveProcess, 'cgroup' | 'oomWatch' | 'pidfd' | 'startedAtMs'>

/** What a process came to. */
export interface End {
  exitCode: number
  finishedAt: string
}

/** From now on the end of this process, and its shortage of memory, are taken note of. */
export function watchProcess(context: Context, container: LiveContainer, process: LiveProcess): void {
  const { log } = context.rooms
  process.handle.onRotated(() => compressLog(context, container))
  process.handle.exited.then(
    exit => onEnd(context, container, process, endOf(exit)),
    async error => {
      log.error({ container: container.id, err: error }, 'the shim of a container is gone')
      await process.cgroup.kill()
      await onEnd(context, container, process, lostEnd())
    },
  )
  // After the answer to the start: nobody waits for this.
  setImmediate(() => {
    if (container.process === process) watchMemory(context, container, process)
  })
}

/** Of the files that were rotated so far; later, in its own time. */
export function compressLog({ compressor }: Context, { config, paths }: LiveContainer): void {
  compressor.request(logPlace(config.hostConfig.logConfig, paths))
}

function watchMemory(context: Context, container: LiveContainer, process: LiveProcess): void {
  process.oomWatch = process.cgroup.watchOom(({ kills }) => {
    if (kills === 0) return
    container.state.oomKilled = true
    context.emit(container, 'oom')
  })
}

export const endOf = ({ exitCode, finishedAt }: ExitRecord): End => ({ exitCode, finishedAt })

/** Nobody saw how it ended; Docker says 137 of what it had to kill. */
export const lostEnd = (): End => ({ exitCode: 137, finishedAt: formatNs(nowNs()) })

async function onEnd(context: Context, container: LiveContainer, process: LiveProcess, end: End): Promise<void> {
  try {
    await container.queue.run(async () => {
      await context.turns.next()
      // A start that failed after its process ran has cleaned up already.
      if (container.process === process) await recordEnd(context, container, process, end)
    })
  } catch (error) {
    context.rooms.log.error({ container: container.id, err: error }, 'the end of a container could not be recorded')
  }
}

/** Also for a process that ended while there was no daemon. */
export async function recordEnd(
  context: Context,
  container: LiveContainer,
  process: EndedProcess,
  { exitCode, finishedAt }: End,
): Promise<void> {
  const { state, paths } = container
  process.oomWatch?.close()
  closePidfd(process)
  stopHealth(container)
  const oomKilled = state.oomKilled || process.cgroup.oomKills() > 0
  // The watch looks at the counters now and then (v1), and begins after the start: a short life may end unseen by it.
  if (oomKilled && !state.oomKilled) context.emit(container, 'oom')
  const lasted = secondsOf(process, state.startedAt, finishedAt)
  container.process = null
  Object.assign(state, {
    status: 'exited',
    running: false,
    paused: false,
    restarting: false,
    pid: 0,
    exitCode,
    oomKilled,
    finishedAt,
  } satisfies Partial<LiveContainer['state']>)
  const plan = afterEnd(context, container, lasted)
  const connected = leaveNetworks(state)
  const [saved] = await Promise.allSettled([context.save(container), release(context, container, process, connected)])
  // Killed with the namespace, or with the group: their shims are at their last act.
  const execs = [...container.execs.values()].flatMap(({ handle }) => (handle === null ? [] : [handle.exited]))
  if (execs.length > 0) await Promise.allSettled(execs)
  // Last: until here the shim's records say what happened, should we be killed. And longer, if a full disk took no other.
  if (saved.status === 'fulfilled') removeTreeNow(paths.run)
  else context.rooms.log.error({ container: container.id, err: saved.reason }, 'the end of a container is not on disk')
  compressLog(context, container)
  context.emit(container, 'die', { exitCode: String(exitCode), execDuration: String(Math.floor(lasted)) })
  emitNetworkEvents(context, container, 'disconnect')
  container.endings.ended({ statusCode: exitCode, error: null })
  plan()
}

/** What inspect shows of the networks from now on: that the container is in them, but no addresses. */
function leaveNetworks(state: LiveContainer['state']): boolean {
  const { sandboxId, endpoints } = state.network
  const without = Object.entries(endpoints).map(([name, endpoint]) => [name, { ...endpoint, ...NO_ADDRESSES }])
  state.network = { sandboxId: '', ports: {}, endpoints: Object.fromEntries(without) }
  return sandboxId !== ''
}

const NO_ADDRESSES = {
  endpointId: '',
  macAddress: '',
  gateway: '',
  ipAddress: '',
  ipPrefixLength: 0,
  ipv6Gateway: '',
  globalIpv6Address: '',
  globalIpv6PrefixLength: 0,
}

async function release(
  context: Context,
  container: LiveContainer,
  process: EndedProcess,
  usesSandbox: boolean,
): Promise<void> {
  const { networks, log } = context.rooms
  const released = await Promise.allSettled([
    removeGroup(process),
    releaseVolumes(context, container),
    usesSandbox ? networks?.releaseSandbox(container.id) : undefined,
  ])
  for (const result of released) {
    if (result.status === 'rejected')
      log.error({ container: container.id, err: result.reason }, 'not all could be released')
  }
}

/** In a PID namespace of its own nothing outlives the first process; with --pid=host others may. */
async function removeGroup({ cgroup }: EndedProcess): Promise<void> {
  if (cgroup.processes().length > 0) await cgroup.kill()
  await cgroup.remove()
}

/** The wall clock is asked only about what ran while there was no daemon: somebody may have set it meanwhile. */
const secondsOf = ({ startedAtMs }: EndedProcess, startedAt: string, finishedAt: string): number =>
  startedAtMs === null ? secondsBetween(startedAt, finishedAt) : (performance.now() - startedAtMs) / 1000

function secondsBetween(from: string, to: string): number {
  const [start, end] = [parseNs(from), parseNs(to)]
  return start === null || end === null ? 0 : Math.max(0, Number(end - start) / 1e9)
}
