/** docker exec, first half: what shall be run is written down. */

import { randomBytes } from 'node:crypto'
import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { parseDetachKeys } from '../detach-keys.ts'
import type { LiveContainer, LiveExec } from '../live.ts'
import type { ExecConfig, ExecId } from '../types.ts'

/** @throws Conflict if the container does not run or is paused, InvalidParameter */
export function createExec(context: Context, ref: string, config: ExecConfig): ExecId {
  const container = context.find(ref)
  refuseUnlessRunning(container, ref)
  if (config.argv.length === 0) throw new InvalidParameter('No exec command specified')
  for (const entry of config.env) {
    if (entry === '' || entry.startsWith('=')) throw new InvalidParameter(`invalid environment variable: ${entry}`)
  }
  checkDetachKeys(config.detachKeys)
  forgetOld(context, container)
  const exec: LiveExec = {
    id: randomBytes(32).toString('hex') as ExecId,
    containerId: container.id,
    config,
    running: false,
    exitCode: null,
    pid: 0,
    canRemove: false,
    handle: null,
    started: false,
    endedAtMs: null,
  }
  register(context, container, exec)
  context.emit(container, `exec_create: ${commandLine(config)}`, { execID: exec.id })
  return exec.id
}

/** Docker has another word for them here. */
function checkDetachKeys(keys: string): void {
  try {
    parseDetachKeys(keys)
  } catch (error) {
    throw new InvalidParameter(`Invalid escape keys (${keys}) provided`, { cause: error })
  }
}

export function register(context: Context, container: LiveContainer, exec: LiveExec): void {
  container.execs.set(exec.id, exec)
  context.execs.set(exec.id, exec)
}

/** Docker puts a space between the command and its arguments, also where there are none. */
export const commandLine = ({ argv: [command = '', ...args] }: ExecConfig): string => `${command} ${args.join(' ')}`

export function refuseUnlessRunning(container: LiveContainer, ref: string): void {
  const { state, id } = container
  if (state.paused) throw new Conflict(`Container ${ref} is paused, unpause the container before exec`)
  if (state.restarting) throw new Conflict(`Container ${id} is restarting, wait until the container is running`)
  if (container.process === null) throw new Conflict(`Container ${id} is not running`)
}

/** Who wants to know how an exec ended has asked by then. */
const KEPT_MS = 5 * 60_000

function forgetOld(context: Context, container: LiveContainer): void {
  for (const [id, { endedAtMs }] of container.execs) {
    if (endedAtMs === null || performance.now() - endedAtMs < KEPT_MS) continue
    container.execs.delete(id)
    context.execs.delete(id)
  }
}
