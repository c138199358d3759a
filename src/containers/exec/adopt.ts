/** Execs that were running when the last daemon ended: they run on, or their end is to be told. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer, LiveExec } from '../live.ts'
import type { ExecConfig, ExecId } from '../types.ts'
import { register } from './create.ts'
import { execFolder } from './start.ts'
import { ended, watchExec } from './watch.ts'

export async function adoptExecs(context: Context, container: LiveContainer): Promise<void> {
  const ids = await idsIn(join(container.paths.run, 'exec'))
  await Promise.all(ids.map(id => adoptExec(context, container, id)))
}

async function adoptExec(context: Context, container: LiveContainer, id: ExecId): Promise<void> {
  const folder = execFolder(container, id)
  const config = await readConfig(folder)
  const found = await context.rooms.runtime.adoptShim(folder)
  // Without a description it was being started, and nobody was told of it.
  if (config === null) return
  const exec: LiveExec = {
    id,
    containerId: container.id,
    config,
    running: found.kind === 'running',
    exitCode: null,
    pid: 0,
    canRemove: false,
    handle: null,
    started: true,
    endedAtMs: null,
  }
  register(context, container, exec)
  if (found.kind === 'running') {
    Object.assign(exec, { handle: found.handle, pid: found.handle.started.pid } satisfies Partial<LiveExec>)
    watchExec(context, container, exec, found.handle)
    return
  }
  const LOST = 137
  ended(context, container, exec, found.kind === 'exited' ? found.exit.exitCode : LOST)
}

async function idsIn(folder: string): Promise<ExecId[]> {
  try {
    return (await readdir(folder)) as ExecId[]
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

async function readConfig(folder: string): Promise<ExecConfig | null> {
  try {
    return (JSON.parse(await readFile(join(folder, 'exec.json'), 'utf8')) as { config: ExecConfig }).config
  } catch (error) {
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return null
    throw error
  }
}
